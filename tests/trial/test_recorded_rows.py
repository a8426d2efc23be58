"""Rows and turns on the disk, plain and packed."""

from __future__ import annotations

import gzip
import json
from dataclasses import replace
from pathlib import Path

import pytest
from formula import FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnMachine
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import TrialSeconds
from autotune.trial.recorded_rows import (
    LaunchRow,
    others,
    read_recorded_turns,
    read_rows,
    recorded_trials,
)

SETTINGS = {"batch-size": 512, "threads": 2, "spec-type": "none"}
FOUND = FormulaMeasurer().measure(
    Candidate(SETTINGS), plan_of(), arm="trial-0007", block=0, sink=lambda _: None
)


def row_of(number: int = 7, label: str = "", rung: str = "whole") -> LaunchRow:
    return LaunchRow.of(FOUND, number=number, rung=rung, label=label, at="2026-01-01T00:00:00Z")


def write(folder: Path, *rows: LaunchRow, tail: str = "") -> None:
    lines = [json.dumps(row.to_json()) + "\n" for row in rows]
    (folder / "trials.jsonl").write_text("".join(lines) + tail)


def test_a_row_is_read_as_it_was_written(tmp_path: Path) -> None:
    row = replace(
        row_of(),
        seconds=TrialSeconds(load_s=1.23456789, replay_s=9.0),
        effective={"flash-attn": "on"},
        other_cores=0.25,
    )
    write(tmp_path, row, row_of(8), tail='{"schema_version": "recor')
    first, second = read_rows(tmp_path)
    assert first == replace(row, seconds=TrialSeconds(load_s=1.2346, replay_s=9.0))
    assert second.number == 8
    assert read_rows(tmp_path / "none") == []


def test_a_failed_launch_says_why() -> None:
    failure = Failure(FailureKind.OUT_OF_MEMORY, "no room")
    row = LaunchRow.of(replace(FOUND, failure=failure), number=1, rung="whole", label="", at="")
    assert (row.failure, row.reason) == ("out-of-memory", "no room")
    (trial,) = recorded_trials([row], [], {"whole": (("s0", 0), ("s0", 1))})
    assert trial.turns == (("s0", 0), ("s0", 1))
    assert trial.failure == "out-of-memory"


def test_rows_of_another_kind_are_refused(tmp_path: Path) -> None:
    (tmp_path / "trials.jsonl").write_text('{"schema_version": "recorded-launch/9"}\n')
    with pytest.raises(MachineError, match="does not know"):
        read_rows(tmp_path)


def test_packed_files_are_read_like_plain_ones(tmp_path: Path) -> None:
    write(tmp_path, row_of())
    log = TurnLog(tmp_path / "turns.jsonl")
    for record in FOUND.records:
        log.append(record)
    log.close()
    plain = list(read_recorded_turns(tmp_path))
    for name in ("trials.jsonl", "turns.jsonl"):
        packed = gzip.compress((tmp_path / name).read_bytes())
        (tmp_path / f"{name}.gz").write_bytes(packed)
        (tmp_path / name).unlink()
    assert list(read_recorded_turns(tmp_path)) == plain == list(FOUND.records)
    assert read_rows(tmp_path) == [row_of()]


def test_launches_have_their_own_turns_the_later_ones_where_a_kill_tore_them() -> None:
    again = [replace(r, ttft_s=9.0) for r in FOUND.records]
    stranger = replace(FOUND.records[0], arm="trial-0007~9")
    (trial,) = recorded_trials([row_of()], [FOUND.records[0], stranger, *again])
    assert [r.ttft_s for r in trial.records] == [9.0] * 4
    assert (trial.name, trial.turns[0]) == ("trial-0007", ("s0", 0))


def test_what_others_did_is_the_mean_of_what_was_watched() -> None:
    watched = [
        replace(FOUND.records[0], machine=TurnMachine(looks=1, other_cores=cores))
        for cores in (0.1, 0.3, None)
    ]
    assert others([*watched, FOUND.records[1]]) == 0.2
    assert others(FOUND.records) is None
