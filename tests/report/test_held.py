"""What filling a config showed, in words."""

from __future__ import annotations

from autotune.report.held import held_line, hold_activity, hold_finish, hold_start
from autotune.report.lines import activity
from autotune.report.plain import PlainDisplay
from autotune.report.state import RunState
from autotune.search.events import HoldFinished, HoldStarted, TurnDone

STARTED = HoldStarted("trial-0007", 65_066, 4, 60)


def test_what_is_about_to_be_filled() -> None:
    assert hold_start(STARTED) == "holding trial-0007 to 65,066 tokens: 4 sessions on one server"


def test_how_it_went() -> None:
    good = HoldFinished("trial-0007", True, "held to 65,066 tokens over 4 sessions", 75.0)
    assert hold_finish(good) == (
        "trial-0007 holds: held to 65,066 tokens over 4 sessions, took 1m 15s"
    )
    bad = HoldFinished("trial-0007", False, "failed at 60,000 tokens: out of memory", 5.0)
    assert hold_finish(bad).startswith("trial-0007 does not hold: failed at 60,000 tokens")


def test_the_living_line_counts_turns() -> None:
    state = RunState(clock=lambda: 0.0)
    state.apply(STARTED)
    assert activity(state) == "holding trial-0007 to 65,066 tokens"
    state.apply(TurnDone(3, 60, 1.0, 2.0))
    assert activity(state) == hold_activity(STARTED, 3)
    assert activity(state).endswith(", turn 3/60")
    state.apply(HoldFinished("trial-0007", True, "held", 1.0))
    assert state.holding is None


def test_plain_lines(tmp_path) -> None:  # type: ignore[no-untyped-def]
    path = tmp_path / "err.txt"
    with path.open("w", encoding="utf-8") as stream, PlainDisplay(stream, lambda: 0.0) as show:
        show(STARTED)
        show(HoldFinished("trial-0007", True, "held to 5 tokens over 1 session", 1.0))
    lines = path.read_text(encoding="utf-8").splitlines()
    assert lines[0] == hold_start(STARTED)
    assert lines[1].startswith("trial-0007 holds: held to 5 tokens")


def test_the_line_of_a_summary() -> None:
    line = held_line({"holds": True, "sentence": "held to 5 tokens over 1 session"})
    assert line.plain == "Held to 5 tokens over 1 session"
    assert line.style == "green"
