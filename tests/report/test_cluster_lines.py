"""Progress of a cluster run: every line names its worker, and nothing breaks a run."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest

from autotune.report.cluster_lines import (
    ClusterLines,
    choose_cluster_display,
    progress_object,
)
from autotune.report.shown import JsonLines, Shown, Silence
from autotune.search.events import Prepared, TrialFinished, TrialStarted
from autotune.team.ray_progress import Away, Ended, Joined, Placed, Progress, Told, WorkerEnd

PREPARED = Prepared("s", "/s", "e", "1", "m", "g", 3, 9, 1, 5000, "0-10k", 4, 0, None, 60.0)
FINISHED = TrialFinished(3, {}, 1.5, 0.5, 20.0, 1.5, 60.0, is_best=True)
RUN: list[Progress] = [
    Joined(3, "CPU=2", 2, 1),
    Placed(1, "a", again=False),
    Told(1, "a", PREPARED),
    Placed(2, "b", again=False),
    Told(2, "b", PREPARED),
    Told(2, "b", TrialStarted(3, {"batch-size": 512})),
    Told(2, "b", FINISHED),
    Away(2, "b", "its node is gone"),
    Placed(2, "c", again=True),
    Ended(1, "a", WorkerEnd(0, summary={})),
    Ended(2, "c", WorkerEnd(3, "no engine", "install one")),
]


def shown(run: list[Progress]) -> str:
    out = io.StringIO()
    with ClusterLines(out, time.monotonic) as display:
        for progress in run:
            display(progress)
    return out.getvalue()


def test_every_line_but_the_first_begins_with_its_worker() -> None:
    first, *rest = shown(RUN).splitlines()
    assert first == (
        "Ray: 3 nodes; 2 workers, each with CPU=2; 1 of them wait until a node has room"
    )
    assert all(line.startswith(("worker 1: ", "worker 2: ")) for line in rest)


def test_what_is_tuned_is_said_once() -> None:
    assert sum("engine    e 1" in line for line in shown(RUN).splitlines()) == 1


@pytest.mark.parametrize(
    "line",
    [
        "worker 1: placed on a",
        "worker 2: its node is gone (b); it will be placed anew",
        "worker 2: placed again on c",
        "worker 1: done",
        "worker 2: failed, no engine (install one)",
    ],
)
def test_what_becomes_of_a_worker_is_told(line: str) -> None:
    assert line in shown(RUN).splitlines()


def test_trials_are_told_as_of_one_machine() -> None:
    text = shown(RUN)
    assert "worker 2: trial #3 (1) started: batch-size" in text
    assert "1.50 s/turn" in text or "1.5 s/turn" in text


def test_json_lines_name_worker_and_host() -> None:
    out = io.StringIO()
    with JsonLines(out, progress_object) as display:
        for progress in RUN:
            display(progress)
    rows: list[dict[str, Any]] = [json.loads(line) for line in out.getvalue().splitlines()]
    assert [row["event"] for row in rows] == [
        "cluster_joined",
        "worker_placed",
        "prepared",
        "worker_placed",
        "prepared",
        "trial_started",
        "trial_finished",
        "worker_away",
        "worker_placed",
        "worker_ended",
        "worker_ended",
    ]
    assert all((row["schema_version"], row.get("worker", 0) in (0, 1, 2)) for row in rows)
    assert (rows[6]["worker"], rows[6]["host"], rows[6]["number"]) == (2, "b", 3)
    assert (rows[10]["exit_code"], rows[10]["error"]) == (3, "no engine")


class Gone(io.StringIO):
    """A pipe whose reader has left."""

    def write(self, _: str) -> int:
        raise BrokenPipeError


@pytest.mark.parametrize(
    "display",
    [ClusterLines(Gone(), time.monotonic), JsonLines(Gone(), progress_object)],
)
def test_a_reader_that_left_breaks_nothing(display: Shown[Progress]) -> None:
    for progress in RUN:
        display(progress)
    display.stopping()


def test_the_display_that_is_asked_for() -> None:
    out = io.StringIO()
    assert isinstance(choose_cluster_display("auto", out, None, time.monotonic), ClusterLines)
    assert isinstance(choose_cluster_display("rich", out, out, time.monotonic), JsonLines)
    silent = choose_cluster_display("none", out, None, time.monotonic)
    assert isinstance(silent, Silence)
    with silent:
        silent(RUN[0])
        silent.stopping()
    assert out.getvalue() == ""
