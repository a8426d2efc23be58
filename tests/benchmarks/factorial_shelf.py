"""Where a recording is put: rows and turns as they come, packed when nothing is missing."""

from __future__ import annotations

import gzip
import json
import shutil
from pathlib import Path
from types import TracebackType

from autotune.records import TurnRecord
from autotune.search.factorial import FactorialFolder
from autotune.search.remeasure import aside_name, is_aside
from autotune.study.turn_log import TurnLog
from autotune.trial.recorded_rows import PACKED, TRIALS, TURNS, LaunchRow

KILLED = 9
"""Attempts that a kill cut off are set aside from this number on; disturbed ones below it."""


class Shelf:
    """One factorial's folder, open for appending while the block lasts."""

    def __init__(self, folder: FactorialFolder) -> None:
        self.folder = folder
        self._rows = folder.path / TRIALS

    def __enter__(self) -> Shelf:
        for name in (TRIALS, TURNS):
            _unpack(self.folder.path / name)
        self.log = TurnLog(self.folder.path / TURNS)
        self._set_torn_aside()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        self.log.close()

    def rows(self) -> list[LaunchRow]:
        """Every launch that has ended."""
        return self.folder.rows()

    def turns(self) -> list[TurnRecord]:
        """Every turn on the disk."""
        return list(self.folder.turns())

    def add(self, row: LaunchRow) -> None:
        """Say that a launch has ended."""
        line = json.dumps(row.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n"
        with self._rows.open("a", encoding="utf-8") as out:
            out.write(line)

    def pack(self) -> None:
        """Compress the turns, the same bytes for the same turns; the rows stay readable."""
        path = self.folder.path / TURNS
        if not path.is_file():
            return
        packed = gzip.compress(path.read_bytes(), compresslevel=9, mtime=0)
        path.with_name(path.name + PACKED).write_bytes(packed)
        path.unlink()

    def _set_torn_aside(self) -> None:
        """Turns of launches that never ended are kept under another name, and never scored."""
        ended = {row.arm for row in self.rows()}
        arms = {record.arm for record in self.turns()}
        for arm in sorted(a for a in arms - ended if not is_aside(a)):
            attempt = KILLED
            while aside_name(arm, attempt) in arms:
                attempt += 1
            self.log.set_aside(arm, 0, as_arm=aside_name(arm, attempt))


def _unpack(path: Path) -> None:
    """Put the plain file back in the place of its packed form."""
    packed = path.with_name(path.name + PACKED)
    if packed.is_file() and not path.exists():
        with gzip.open(packed, "rb") as source, path.open("wb") as target:
            shutil.copyfileobj(source, target)
    packed.unlink(missing_ok=True)
