"""Progress of several workers on a terminal."""

from __future__ import annotations

import io

from crew_works import said
from rich.console import Console

from autotune.report.crew_live import CrewLive
from autotune.search.events import Notice, TrialFinished, TrialStarted
from autotune.team.crew import Ended, JobEnd, Seat, Started, Told

SEAT = Seat("GPU-1a", "0: RTX 3090")


def finished(number: int, turn_s: float) -> TrialFinished:
    return TrialFinished(
        number=number,
        changes={"batch-size": 512} if number else {},
        turn_s=turn_s,
        ttft_p50_s=0.5,
        decode_p50_tps=30.0,
        value=turn_s,
        seconds=3.0,
        is_best=True,
        best_number=number,
        best_value=turn_s,
        seconds_left=90.0,
        trials_done=number + 1,
    )


def test_a_row_a_worker_with_its_best_and_its_time_left() -> None:
    out = io.StringIO()
    console = Console(file=out, width=120, force_terminal=True, color_system=None)
    shown = CrewLive(console, lambda: 0.0)
    for progress in (
        Started("GPU 0", SEAT),
        Started("GPU 1", SEAT),
        Told("GPU 0", SEAT, finished(0, 2.0)),
        Told("GPU 0", SEAT, finished(1, 1.0)),
        Told("GPU 0", SEAT, TrialStarted(number=2, changes={})),
        Told("GPU 1", SEAT, said(0)),
        Told("GPU 1", SEAT, Notice("the database is away")),
        Ended("GPU 1", SEAT, JobEnd(exit_code=3, error="it is busy")),
    ):
        shown(progress)
    shown.stopping()
    console.print(shown._table())
    text = out.getvalue()
    assert "GPU 1: failed: it is busy" in text
    assert "GPU 1: the database is away" in text
    row = next(line for line in text.splitlines() if line.startswith("GPU 0 "))
    assert "best #1 1.00 s/turn (2.00x)" in row
    assert row.rstrip().endswith("1m 30s")
    assert "stopping after the trials under way" in text


def test_the_terminal_is_left_as_it_was() -> None:
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system=None)
    with CrewLive(console, lambda: 0.0) as shown:
        shown(Started("GPU 0", SEAT))
    assert out.getvalue().rstrip().endswith("\x1b[?25h") or "\x1b[?25h" in out.getvalue()
