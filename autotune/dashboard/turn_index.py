"""Which arms a turn log has turns of, kept up to date by reading only what was added."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from pathlib import Path

_ARM = re.compile(rb'"arm":\s*("(?:[^"\\]|\\.)*")')


@dataclass(slots=True)
class TurnIndex:
    """The arms in `path`, which may grow, be written anew, or not be there yet."""

    path: Path
    _arms: set[str] = field(default_factory=set)
    _at: int = 0
    _file: int = -1

    def arms(self) -> frozenset[str]:
        """Arms with at least one whole line."""
        try:
            found = self.path.stat()
        except OSError:
            return frozenset()
        if found.st_ino != self._file or found.st_size < self._at:
            self._arms, self._at, self._file = set(), 0, found.st_ino
        if found.st_size > self._at:
            self._read_on()
        return frozenset(self._arms)

    def _read_on(self) -> None:
        with self.path.open("rb") as stream:
            stream.seek(self._at)
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                self._at += len(line)
                if told := _ARM.search(line):
                    self._arms.add(json.loads(told[1]))
