"""A page's rows for a spreadsheet: exact figures, absent is empty."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any


def rows_csv(rows: Iterable[Mapping[str, Any]]) -> str:
    """A line a row under every key that any row has, in the order they are met.

    What a spreadsheet would take for a formula gets an apostrophe in front.
    """
    found = list(rows)
    heads = list(dict.fromkeys(key for row in found for key in row))
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(heads)
    for row in found:
        writer.writerow([_cell(row.get(key)) for key in heads])
    return out.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str) and value[:1] in ("=", "+", "-", "@", "\t", "\r"):
        return f"'{value}"
    return value
