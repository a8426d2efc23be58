"""``quality.jsonl``: what the quality guard asked of the reference and of each set of settings.

The first line is the reference's answers, position by position; every other line is one set of
settings against it. A line torn by a kill is passed over, and what it held is asked again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotune.study.files import disk_error

QUALITY_VERSION = "quality/1"
REFERENCE = "reference"
CANDIDATE = "candidate"


def quality_path(folder: Path) -> Path:
    """Where the study in `folder` keeps it."""
    return folder / "quality.jsonl"


def append_quality(path: Path, row: Mapping[str, Any]) -> None:
    """One more line, on the disk when this returns. Raises `MachineError` when the disk refuses."""
    line = json.dumps({"schema_version": QUALITY_VERSION, **row}, ensure_ascii=False)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as handle:
            # A line break in front closes off a line that a kill has torn.
            handle.write(b"\n" * _is_torn(path) + line.encode() + b"\n")
            handle.flush()
            os.fsync(handle.fileno())
    except OSError as error:
        raise disk_error(path, error) from error


def _is_torn(path: Path) -> bool:
    if path.stat().st_size == 0:
        return False
    with path.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) != b"\n"


def read_quality(path: Path) -> list[dict[str, Any]]:
    """Every whole line, in order; none where there is no such file."""
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", errors="replace") as lines:
        rows = (_parsed(line) for line in lines)
        return [row for row in rows if row is not None]


def _parsed(line: str) -> dict[str, Any] | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    known = isinstance(row, dict) and row.get("schema_version") == QUALITY_VERSION
    return row if known else None
