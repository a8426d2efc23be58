"""Rows out of JSON lines."""

from __future__ import annotations

from array import array
from pathlib import Path

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.traces.lines import in_blocks, read_rows, trace_name


def test_rows_and_their_blocks(fixtures: Path) -> None:
    ledger = DamageLedger()
    file = CaptureFile(fixtures / "bailian-small.jsonl", "b")
    raw = read_rows(file, ledger, unit_ms=1000.0, keep=("turn", "type", "none"))
    rows, size = in_blocks(raw, 16, file, ledger)
    assert size == 16
    assert rows[0].full == array("q", [101, 102, 103, 104])
    assert (rows[0].partial, rows[3].partial) == (105, None)
    assert rows[0].origin == {"turn": 1, "type": "text"}
    assert rows[2].timestamp_ms == 31_000.0
    assert ledger.entries() == ()


def test_a_trace_is_named_by_its_first_row(fixtures: Path) -> None:
    file = CaptureFile(fixtures / "bailian-small.jsonl", "b")
    rows = read_rows(file, DamageLedger(), unit_ms=1000.0, keep=())
    assert trace_name(rows) == trace_name(rows[:1])
    assert trace_name(rows) != trace_name(rows[1:])
