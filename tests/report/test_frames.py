"""Turn records as a table."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.records import TurnMachine, TurnRecord
from autotune.report.frames import turn_frame, write_turns_csv


def record(order: int, **more: object) -> TurnRecord:
    base: dict[str, object] = {
        "arm": "trial-0001", "block": 0, "order": order, "session_id": "s", "turn": order,
        "started_at": "2026-01-01T00:00:00+00:00", "asked_output_tokens": 24,
    }  # fmt: skip
    return TurnRecord(**{**base, **more})  # type: ignore[arg-type]


RECORDS = [record(0, cached_tokens=0, ttft_s=0.25), record(1, depth_tokens=1200)]


def test_zero_and_absent_stay_apart() -> None:
    frame = turn_frame(RECORDS)
    assert frame["cached_tokens"].isna().tolist() == [False, True]
    assert frame["cached_tokens"][0] == 0
    assert frame["depth_tokens"].sum() == 1200
    assert str(frame["depth_tokens"].dtype) == "Int64"


def test_the_machine_has_columns_of_its_own() -> None:
    machine = TurnMachine(looks=3, throttle=0, rss_peak_bytes=2**30, other_cores=0.5)
    frame = turn_frame([record(0), record(1, machine=machine)])
    assert "machine" not in frame.columns
    assert frame["machine_looks"].isna().tolist() == [True, False]
    assert frame["machine_throttle"][1] == 0
    assert (str(frame["machine_rss_peak_bytes"].dtype), frame["machine_other_cores"][1]) == (
        "Int64", 0.5
    )  # fmt: skip


def test_csv_holds_every_field_and_leaves_absent_cells_empty(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    assert write_turns_csv(RECORDS, path) == 2
    with path.open(newline="") as lines:
        rows = list(csv.DictReader(lines))
    assert [r["cached_tokens"] for r in rows] == ["0", ""]
    assert [r["ttft_s"] for r in rows] == ["0.25", ""]
    assert rows[1]["depth_tokens"] == "1200"


def test_no_records_make_a_header(tmp_path: Path) -> None:
    path = tmp_path / "turns.csv"
    assert write_turns_csv([], path) == 0
    assert path.read_text().startswith("arm,block,order,session_id,turn")


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="turns"):
        write_turns_csv(RECORDS, tmp_path / "none" / "turns.csv")
