"""What a person sees of a contest: progress lines, the live table, the table at the end."""

from __future__ import annotations

import io
from dataclasses import asdict

import pytest
from rich.console import Console

from autotune.report import lines
from autotune.report.json_lines import event_object
from autotune.report.live import LiveDisplay
from autotune.report.plain import PlainDisplay
from autotune.report.studies import print_contest
from autotune.report.summary import print_summary
from autotune.scoring.warmth import KindScore
from autotune.search.events import (
    ArmRow,
    ConfirmBlock,
    ConfirmStarted,
    ContestPrepared,
    EngineChosen,
    EngineFacts,
    Event,
    Summary,
    TrialFinished,
    TrialStarted,
)


def still() -> float:
    return 0.0


def finished(
    engine: str, number: int, turn_s: float, *, best: bool = False, done: int = 1, **changes: int
) -> TrialFinished:
    return TrialFinished(
        number=number, changes=changes, turn_s=turn_s, ttft_p50_s=turn_s / 2, decode_p50_tps=20.0,
        value=turn_s, seconds=9.0, is_best=best, best_number=number, best_value=turn_s,
        seconds_left=60.0, trials_done=done, engine=engine, best_engine=engine,
    )  # fmt: skip


@pytest.fixture
def contest_events() -> list[Event]:
    """Two engines: the second one is faster, and its tuned config faster still."""
    rows = (
        EngineFacts("alpha", "1.0", "m.gguf", "10-30k", 28000, 12, 0),
        EngineFacts("beta", "2.0", "m-hf", "9,100-24,000", 26000, 9, 0),
    )
    return [
        ContestPrepared("c", "studies/c", "A GPU", "alpha", rows, 4, 30, 4, 0, 6, 600.0, ("so",)),
        EngineChosen("alpha"),
        TrialStarted(0, {}, "default", "alpha"),
        finished("alpha", 0, 2.0, best=True),
        EngineChosen("beta"),
        TrialStarted(0, {}, "default", "beta"),
        finished("beta", 0, 1.6, best=True, done=2),
        EngineChosen("beta", {"alpha": 0.3, "beta": 0.7}),
        TrialStarted(1, {"n": 2}, "step: n 2", "beta"),
        finished("beta", 1, 1.0, best=True, done=3, n=2),
        EngineChosen("beta", {"alpha": 0.011, "beta": 0.989}, ("alpha",)),
        EngineChosen("beta", {"alpha": 0.01, "beta": 0.99}, ("alpha",)),
        EngineChosen("alpha", {"alpha": 0.2, "beta": 0.8}),
        ConfirmStarted(("alpha-trial-0001", "alpha-trial-0002"), 4, True, 1, "alpha-default"),
        ConfirmStarted(("alpha-default", "beta-trial-0001"), 4, True, 2, "alpha-default"),
        ConfirmBlock("alpha-default", 0, 2.1),
    ]


def test_plain_lines_tell_the_engine(contest_events: list[Event]) -> None:
    stream = io.StringIO()
    with PlainDisplay(stream, still) as display:
        for event in contest_events:
            display(event)
    assert stream.getvalue().splitlines() == [
        "study     c in studies/c",
        "engine    alpha 1.0, m.gguf, 12 parameters; scored at 10-30k of its tokens, deepest "
        "28,000",
        "engine    beta 2.0, m-hf, 9 parameters; scored at 9,100-24,000 of its tokens, deepest "
        "26,000",
        "GPU       A GPU",
        "workload  4 sessions (4 held out), 30 turns",
        "search    6 trials, within 10m 00s for all of them",
        "against   alpha as it is",
        "note      so",
        "alpha trial #0 (1/6) started: the engine's defaults",
        "alpha trial #0 (1/6): 2.00 s/turn, TTFT p50 1.00 s, decode p50 20.0 tok/s, best so far, "
        "took 9s, 1m 00s left",
        "beta trial #0 (2/6) started: the engine's defaults",
        "beta trial #0 (2/6): 1.60 s/turn, 1.25x alpha's default, TTFT p50 0.800 s, decode p50 "
        "20.0 tok/s, best so far, took 9s, 1m 00s left",
        "beta trial #1 (3/6) started: step: n 2: n=2",
        "beta trial #1 (3/6): 1.00 s/turn, 2.00x alpha's default, TTFT p50 0.500 s, decode p50 "
        "20.0 tok/s, best so far, took 9s, 1m 00s left",
        "alpha is out: its chance to hold the winner is 1.1%, as things stand",
        "alpha is in again: its chance to hold the winner is 20.0%",
        "heat on held-out sessions, once each: alpha-trial-0001, alpha-trial-0002; the fastest is "
        "confirmed",
        "confirming alpha-default against beta-trial-0001 on held-out sessions: 4 sessions, up to "
        "2 blocks each",
        "confirm 1/4  alpha-default block 0: 2.10 s/turn",
    ]


def test_the_live_table_tells_the_engine_and_the_chances(contest_events: list[Event]) -> None:
    stream = io.StringIO()
    console = Console(file=stream, width=110, force_terminal=False)
    display = LiveDisplay(console, still)
    with display:
        for event in contest_events[:9]:
            display(event)
        status = console.render_str("")
        with console.capture() as captured:
            console.print(display._status())
    text = stream.getvalue() + str(status)
    assert "beta: the engine's defaults" in text
    assert "1.25x" in text
    assert "beta trial #1 (3/6)" in captured.get()
    assert "best beta #0 1.60 s/turn (1.25x)" in captured.get()
    assert "alpha 30%, beta 70%" in captured.get()


def test_json_has_an_object_for_each_event(contest_events: list[Event]) -> None:
    objects = [event_object(event) for event in contest_events]
    assert objects[0]["event"] == "contest_prepared"
    assert objects[0]["engines"][1]["engine"] == "beta"
    assert objects[7]["event"] == "engine_chosen"
    assert objects[7]["chances"] == {"alpha": 0.3, "beta": 0.7}
    assert objects[9]["engine"] == "beta"


def test_chances_are_told_in_percent() -> None:
    assert lines.given(EngineChosen("a", {"a": 0.884, "b": 0.116})) == "a 88%, b 12%"


@pytest.fixture
def contest_summary() -> Summary:
    rows = (
        ArmRow(
            "alpha",
            "default",
            0,
            {},
            "10-30k",
            9,
            1.0,
            20.0,
            2.0,
            30.0,
            ttft_p95_s=3.0,
            kinds=(KindScore("warm", 9, 1.0, 3.0, 30.0),),
        ),
        ArmRow("beta", "best", 1, {"n": 2}, "9-24k", 9, 0.5, 40.0, 1.0, 15.0, 2.0, (1.8, 2.2)),
        ArmRow("beta", "default", 0, {}, "9-24k", 9, None, None, None, None, failure="crash: x"),
    )
    return Summary(
        study="c", study_dir="studies/c", exit_code=0, verdict="beta beats alpha: 2.00x.",
        winner=1, speedup=2.0, interval=(1.8, 2.2), changes={"n": 2}, before={"turn_s": 2.0},
        after={"turn_s": 1.0}, trials=6, engine="beta", arms=rows,
    )  # fmt: skip


def test_the_table_has_a_row_for_each_config(contest_summary: Summary) -> None:
    stream = io.StringIO()
    print_summary(contest_summary, Console(file=stream, width=80, highlight=False))
    text = stream.getvalue()
    rows = [line.split() for line in text.splitlines() if "k " in line]
    assert rows == [
        ["alpha", "default", "10-30k", "1.00", "3.00", "30s", "20.0", "2.00", "–", "–"],
        ["beta", "best", "#1", "9-24k", "0.500", "–", "15s", "40.0", "1.00", "2.00x", "1.80-2.20"],
        ["beta", "default", "9-24k", "failed", *["–"] * 6],
    ]
    assert "as each engine counts them" in text
    assert "At the scored depth" not in text


def test_a_contest_is_shown_with_the_studies_of_its_engines(contest_summary: Summary) -> None:
    stream = io.StringIO()
    study = {"name": "beta", "provenance": {}, "result": None, "trials": []}
    document = {
        "name": "c", "provenance": {}, "result": {"summary": asdict(contest_summary)},
        "engines": [study],
    }  # fmt: skip
    print_contest(document, Console(file=stream, width=120, highlight=False))
    text = stream.getvalue()
    assert text.startswith("c: beta beats alpha: 2.00x.")
    assert "best #1" in text
    assert "beta: unfinished" in text
