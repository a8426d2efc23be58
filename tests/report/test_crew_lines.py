"""Progress of several workers in one place."""

from __future__ import annotations

import io
import json
import os
from pathlib import Path

import pytest
from crew_works import said
from rich.console import Console

from autotune.report.crew_lines import (
    CrewLines,
    choose_crew_display,
    ended_words,
    progress_object,
    ranges,
)
from autotune.report.crew_live import CrewLive
from autotune.report.shown import JsonLines, Silence
from autotune.search.events import TrialStarted
from autotune.team.cores import Share
from autotune.team.crew import NOT_BEGUN, Ended, JobEnd, Seat, Started, Told

SEAT = Seat("GPU-1a", "0: RTX 3090", Share(frozenset({0, 1, 4}), 1000))
TRIAL = TrialStarted(number=2, changes={"batch-size": 512})
FAILED = JobEnd(exit_code=3, error="it is busy", hint="wait")


def test_every_line_begins_with_its_worker() -> None:
    out = io.StringIO()
    with CrewLines(out, lambda: 0.0) as shown:
        for progress in (
            Started("GPU 0", SEAT),
            Told("GPU 0", SEAT, TRIAL),
            Told("GPU 1", SEAT, TRIAL),
            Ended("GPU 0", SEAT, JobEnd(exit_code=0, result="x")),
            Ended("GPU 1", SEAT, FAILED),
            Ended("GPU 2", None, NOT_BEGUN),
        ):
            shown(progress)
    assert out.getvalue().splitlines() == [
        "GPU 0: started on 0: RTX 3090, on processors 0-1,4",
        "GPU 0: trial #2 (1) started: batch-size=512",
        "GPU 1: trial #2 (1) started: batch-size=512",
        "GPU 0: done",
        "GPU 1: failed: it is busy (wait)",
        "GPU 2: not begun",
    ]


def test_as_json_each_line_has_its_worker_and_its_gpu() -> None:
    out = io.StringIO()
    shown = JsonLines(out, progress_object)
    shown(Started("GPU 0", SEAT))
    shown(Told("GPU 0", SEAT, said(3)))
    shown(Ended("GPU 1", None, FAILED))
    rows = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["event"] for row in rows] == ["worker_started", "anchor_measured", "worker_ended"]
    assert rows[0]["processors"] == [0, 1, 4]
    assert (rows[1]["worker"], rows[1]["gpu"], rows[1]["after"]) == ("GPU 0", "GPU-1a", 3)
    assert (rows[2]["gpu"], rows[2]["exit_code"], rows[2]["error"]) == (None, 3, "it is busy")


class _Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_a_reader_that_is_gone_is_no_error() -> None:
    for shown in (CrewLines(_Gone(), lambda: 0.0), JsonLines(_Gone(), progress_object)):
        shown(Started("GPU 0", SEAT))
        shown(Started("GPU 1", SEAT))


def test_that_it_stops_is_said_past_buffers(tmp_path: Path) -> None:
    path = tmp_path / "err"
    with path.open("w") as stream:
        CrewLines(stream, lambda: 0.0).stopping()
        CrewLines(stream, lambda: 0.0).stopping(at_once=True)
    assert path.read_text().splitlines() == [
        "stopping after the trials under way; press Ctrl-C again to stop at once",
        "stopping the engines",
    ]


@pytest.mark.parametrize(
    ("kind", "terminal", "expected"),
    [
        ("auto", False, CrewLines),
        ("auto", True, CrewLive),
        ("plain", True, CrewLines),
        ("rich", False, CrewLive),
        ("none", True, Silence),
    ],
)
def test_which_display_is_chosen(kind: str, terminal: bool, expected: type[object]) -> None:
    err = Console(file=io.StringIO(), force_terminal=terminal, _environ={"TERM": "xterm"})
    assert isinstance(choose_crew_display(kind, err, None, lambda: 0.0), expected)
    assert isinstance(choose_crew_display(kind, err, io.StringIO(), lambda: 0.0), JsonLines)


def test_processors_are_told_as_taskset_takes_them() -> None:
    assert ranges(frozenset({0, 1, 2, 5, 8, 9})) == "0-2,5,8-9"
    assert ranges(frozenset()) == ""
    assert ranges(frozenset({os.cpu_count() or 1})) == str(os.cpu_count() or 1)


def test_an_end_in_words() -> None:
    assert ended_words(JobEnd(exit_code=75)) == "stopped"
    assert ended_words(FAILED) == "failed: it is busy (wait)"
