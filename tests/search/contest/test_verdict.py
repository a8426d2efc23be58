"""Verdicts over engines, on records worked out by hand."""

from __future__ import annotations

from typing import Any

import pytest
from formula import plan_of

from autotune.errors import ExitCode
from autotune.records import TurnRecord
from autotune.scoring.interval import compare
from autotune.scoring.objective import Objective
from autotune.search.confirm import Confirmed
from autotune.search.contest.arms import BASE, BEST, ContestArm, arms_of, baseline_of
from autotune.search.contest.finals import Proof
from autotune.search.contest.verdict import Verdict, reach_verdict, words
from autotune.search.judge import Judge
from autotune.search.ledger import COMPLETE, INFEASIBLE, Entry, Ledger
from autotune.search.queue import INCUMBENT

PLAN = plan_of(sessions=4, turns=3)
KEYS = frozenset((p.turn.session_id, p.turn.index) for p in PLAN.turns)
JUDGE = Judge(Objective.TURN, KEYS)


def entry(number: int, value: float | None = 1.0, label: str = "", **changes: Any) -> Entry:
    outcome = INFEASIBLE if value is None else COMPLETE
    return Entry(
        number, f"key-{number}", outcome, value, label, {"n": number, **changes}, changes, {}, 1.0,
        None if value else "crash", None,
    )  # fmt: skip


def arm(engine: str, role: str = BASE, number: int = 0, **changes: Any) -> ContestArm:
    return ContestArm(engine, role, entry(number, **changes))


def records(name: str, ttft_s: float, wobble: float = 0.0) -> tuple[TurnRecord, ...]:
    """Two blocks; every second session is slower by `wobble`, every other one faster."""
    return tuple(
        TurnRecord(
            arm=name, block=block, order=p.order, session_id=p.turn.session_id, turn=p.turn.index,
            started_at="2026-01-01T00:00:00+00:00", asked_output_tokens=10, output_tokens=10,
            ttft_s=ttft_s * (1 + wobble * (1 if int(p.turn.session_id[1:]) % 2 else -1)),
            decode_tps=1000.0, wall_s=1.0, finish_reason="length",
        )
        for block in range(2)
        for p in PLAN.turns
    )  # fmt: skip


def verdict(*speeds: tuple[ContestArm, float, float], **more: Any) -> Verdict:
    """The verdict on arms with these TTFT and wobble, the first of them the baseline."""
    arms = tuple(a for a, _, _ in speeds)
    rows = {a.name: records(a.name, *speed) for a, *speed in speeds}
    base = rows[arms[0].name]
    compared = {a.name: compare(base, rows[a.name], keys=KEYS, seed=0) for a in arms[1:]}
    confirmed = Confirmed(rows, {}, compared, blocks=2, seconds=1.0)
    return reach_verdict(
        Proof(arms, arms[0], confirmed), JUDGE, seed=0, held_out=more.get("held_out", True)
    )


A, A_BEST = arm("a"), arm("a", BEST, 3, threads=4)
B, B_BEST = arm("b"), arm("b", BEST, 7, kv=True, n=1, m=2, o=None)


def test_the_fastest_engine_wins_and_the_others_are_told() -> None:
    found = verdict((A, 2.0, 0.0), (A_BEST, 1.5, 0.0), (B, 1.2, 0.0), (B_BEST, 1.0, 0.0))
    assert found.exit_code == ExitCode.DONE
    assert found.winner == B_BEST
    assert found.tied == ()
    # (2.00 + 10/1000) / (1.00 + 10/1000) and 1.51 / 1.01; nothing varies, so neither do bounds.
    assert found.sentence == (
        "b with kv=on, n=1, m=2 and 1 more (trial 7) beats a with its defaults: 1.99x its speed in "
        "seconds per turn (95% interval 1.99 to 1.99, on held-out sessions). b is 1.50x as fast as "
        "a, each at its best (95% interval 1.50 to 1.50)."
    )


def test_engines_that_cannot_be_told_apart_leave_the_place_to_the_first() -> None:
    found = verdict((A, 2.0, 0.0), (A_BEST, 1.02, 0.1), (B, 2.0, 0.0), (B_BEST, 1.0, -0.1))
    assert found.champion == B_BEST
    assert found.tied == ("a",)
    assert found.winner == A_BEST
    assert found.sentence.startswith("a with threads=4 (trial 3) beats a with its defaults: ")
    assert "a and b cannot be told apart at their best (1.0" in found.sentence
    assert found.sentence.endswith("a was named first.")


def test_a_tie_with_an_engine_that_beats_nothing_does_not_keep_the_winner_from_winning() -> None:
    # The baseline engine has no config that beats its default: the other engine's stays.
    found = verdict((A, 2.0, 0.3), (B, 1.0, 0.3), (B_BEST, 1.01, 0.3))
    assert found.winner is not None
    assert found.winner.engine == "b"


def test_nothing_that_beats_the_baseline_is_said_with_what_came_closest() -> None:
    found = verdict((A, 1.0, 0.0), (A_BEST, 1.1, 0.0), (B, 3.0, 0.0), held_out=False)
    assert found.exit_code == ExitCode.NOTHING_BETTER
    assert found.winner is None
    assert found.shown == A_BEST
    assert found.sentence == (
        "No engine and no config beats a with its defaults: the closest, a with threads=4 "
        "(trial 3), has 0.91x its speed in seconds per turn (95% interval 0.91 to 0.91, on the "
        "searched sessions). a is 2.98x as fast as b, each at its best (95% interval 2.98 to "
        "2.98)."
    )


def test_another_engines_default_may_win() -> None:
    found = verdict((A, 2.0, 0.0), (B, 1.0, 0.0))
    assert found.winner == B
    assert found.sentence.startswith("b with its defaults beats a with its defaults: 1.99x")


def test_three_engines_are_each_told() -> None:
    c = arm("c")
    found = verdict((A, 1.0, 0.0), (B, 1.0, 0.0), (c, 2.0, 0.0))
    assert found.winner is None
    assert "a and b cannot be told apart" in found.sentence
    assert "a is 1.99x as fast as c" in found.sentence


def test_nothing_but_the_baseline() -> None:
    found = verdict((A, 1.0, 0.0))
    assert found.shown is None
    assert found.sentence == (
        "Nothing beats a with its defaults: nothing else was left to be confirmed."
    )


def test_arms_are_each_config_once() -> None:
    ledger = Ledger()
    for row in (entry(0, 2.0, "default"), entry(1, 1.5, INCUMBENT), entry(2, 1.0)):
        ledger.add(row)
    assert [(a.role, a.name) for a in arms_of("x", ledger)] == [
        (BASE, "x-default"), (INCUMBENT, "x-trial-0001"), (BEST, "x-trial-0002"),
    ]  # fmt: skip
    ledger.add(entry(0, 0.5, "again: trial-0000"))
    ledger.add(entry(0, 0.5, "again: trial-0000"))
    assert [a.role for a in arms_of("x", ledger)] == [BASE, INCUMBENT]


def test_configs_that_were_not_measured_are_no_arms() -> None:
    ledger = Ledger()
    ledger.add(entry(0, None, "default"))
    ledger.add(entry(1, 1.0))
    assert [a.role for a in arms_of("x", ledger)] == [BEST]


def test_the_baseline_is_the_incumbent_then_the_default_then_anothers_default() -> None:
    held = ContestArm("a", INCUMBENT, entry(1))
    assert baseline_of([A, held, A_BEST, B], "a") == held
    assert baseline_of([A, A_BEST, B], "a") == A
    assert baseline_of([A_BEST, B], "a") == B
    assert baseline_of([A_BEST], "a") is None
    assert words(held) == "the incumbent of a"


@pytest.mark.parametrize("value", [True, False, None, 3, "q8_0"])
def test_settings_are_spelt_as_a_person_would(value: Any) -> None:
    spelt = {True: "on", False: "off", None: "left out"}
    said = words(arm("a", BEST, 2, flag=value))
    assert said == f"a with flag={spelt.get(value, value)} (trial 2)"
