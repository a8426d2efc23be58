"""``reuse.jsonl``: measurements whose prefix reuse was explained, a line a turn and one in all.

Lines of a measurement stand together: first its turns, in the order they were sent, then its
summary. A measurement that was explained twice, after a kill, counts as it was the last time.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from autotune.study.files import disk_error

NAME = "reuse.jsonl"


class ReuseLog:
    """The log in `folder`. Nothing is created before something is written."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / NAME

    def append(self, row: Mapping[str, Any]) -> None:
        """One line. Raises `MachineError` when the disk refuses it."""
        line = json.dumps(row, ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as log:
                log.write(line)
        except OSError as error:
            raise disk_error(self.path, error) from error

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every whole line, in order; a line torn by a kill is passed over."""
        if not self.path.is_file():
            return
        with self.path.open(encoding="utf-8", errors="replace") as lines:
            for line in lines:
                try:
                    row = json.loads(line)
                except json.JSONDecodeError:
                    continue
                if isinstance(row, dict):
                    yield row

    def summaries(self) -> dict[str, dict[str, Any]]:
        """What was found, by arm, in the order it was last written."""
        found: dict[str, dict[str, Any]] = {}
        for row in self.rows():
            arm, summary = row.get("arm"), row.get("summary")
            if isinstance(arm, str) and isinstance(summary, dict):
                found.pop(arm, None)
                found[arm] = summary
        return found
