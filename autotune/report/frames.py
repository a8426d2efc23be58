"""Turn records as a pandas table, for spreadsheets and notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autotune.errors import UserError
from autotune.records import TurnMachine, TurnRecord
from autotune.scoring.warmth import classified

if TYPE_CHECKING:
    import pandas as pd


_WHOLE = ("_tokens", "_bytes", "_looks", "_throttle", "_max_mhz")
"""Endings of columns of whole numbers."""


def turn_frame(records: Iterable[TurnRecord]) -> pd.DataFrame:
    """A row a record, a column a field; counts that may be absent are nullable integers.

    What the machine did has columns of its own: ``machine_looks`` and so on; ``warmth`` is cold,
    partial, warm or unknown.
    """
    import pandas as pd

    columns = [f.name for f in fields(TurnRecord) if f.name != "machine"] + ["warmth"]
    columns += [f"machine_{f.name}" for f in fields(TurnMachine)]
    rows = [{**_row(record), "warmth": kind.value} for record, kind in classified(records)]
    frame = pd.DataFrame(rows, columns=columns)
    counts = {n: "Int64" for n in columns if n.endswith(_WHOLE)}
    return frame.astype(counts)


def _row(record: TurnRecord) -> dict[str, Any]:
    row = asdict(record)
    machine: dict[str, Any] = row.pop("machine") or {}
    return {**row, **{f"machine_{name}": value for name, value in machine.items()}}


def write_turns_csv(records: Iterable[TurnRecord], path: Path) -> int:
    """`records` as CSV; returns how many. Absent is an empty cell. Raises `UserError`."""
    frame = turn_frame(records)
    try:
        frame.to_csv(path, index=False)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}", "check the path") from None
    return len(frame)
