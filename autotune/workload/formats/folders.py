"""Folders of one file a session."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from autotune.workload.model import Session
from autotune.workload.writer import slug

SESSION_FILE = re.compile(r"\d{4,}-.+\.jsonl")
"""Names that `session_file` gives."""


def session_file(number: int, session: Session) -> str:
    """The file of the session that is `number` in its export: names sort as sessions came."""
    return f"{number:04d}-{slug(session.session_id)}.jsonl"


def drop_stale(
    folder: Path, written: Collection[str], pattern: re.Pattern[str] = SESSION_FILE
) -> None:
    """Remove files of an earlier export that this one did not write, and nothing else."""
    for path in folder.glob("*"):
        if path.name not in written and pattern.fullmatch(path.name) and path.is_file():
            path.unlink()
