"""Counted sessions as a table of 80 columns and as data."""

from __future__ import annotations

import io
import json

from rich.console import Console

from autotune.report.captures_counted import counted_json, print_counted
from autotune.trial.counted_sessions import CountedSession
from autotune.trial.side_by_side import DepthRow

COUNTED = [
    CountedSession(
        46_379, DepthRow("s-1", "padded", 38, 166_185, 166_185, 166_100, 1.0, "", 119_700)
    ),
    CountedSession(2_518, DepthRow("s-2", "rebuilt", 10, None, None, 2_518, 1.0, "", 0)),
    CountedSession(90, DepthRow("s-3", "exact", 3, 45, 90, 90, 2.0, "", 0)),
]  # fmt: skip


def shown(rows: int) -> str:
    console = Console(file=io.StringIO(), width=80)
    print_counted(COUNTED, ("prompts are rendered plain",), console, rows=rows)
    out = console.file.getvalue()  # type: ignore[attr-defined]
    assert max(map(len, out.splitlines())) <= 80
    return str(out)


def test_recorded_and_counted_stand_side_by_side() -> None:
    lines = shown(3).splitlines()
    first, second = (
        next(line.split() for line in lines if name in line) for name in ("s-1", "s-2")
    )
    assert first == ["s-1", "166,185", "46,379", "1.000", "166,100", "72%"]
    assert second == ["s-2", "–", "2,518", "–", "2,518", "0%"]
    assert "prompts are rendered plain" in lines[-1]


def test_the_rest_is_counted() -> None:
    assert "and 2 more (--rows shows them)" in " ".join(shown(1).split())


def test_as_data() -> None:
    first, second, third = json.loads(json.dumps(counted_json(COUNTED)))
    assert first["counted_tokens"] == 46_379
    assert second["ratio"] is None
    assert third["ratio"] == 2.0
    assert third["session_id"] == "s-3"
