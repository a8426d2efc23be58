"""Turn records as a pandas table, for spreadsheets and notebooks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING

from autotune.errors import UserError
from autotune.records import TurnRecord

if TYPE_CHECKING:
    import pandas as pd


def turn_frame(records: Iterable[TurnRecord]) -> pd.DataFrame:
    """A row a record, a column a field; counts that may be absent are nullable integers."""
    import pandas as pd

    columns = [f.name for f in fields(TurnRecord)]
    frame = pd.DataFrame([asdict(r) for r in records], columns=columns)
    counts = {n: "Int64" for n in columns if n.endswith("_tokens")}
    return frame.astype(counts)


def write_turns_csv(records: Iterable[TurnRecord], path: Path) -> int:
    """`records` as CSV; returns how many. Absent is an empty cell. Raises `UserError`."""
    frame = turn_frame(records)
    try:
        frame.to_csv(path, index=False)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}", "check the path") from None
    return len(frame)
