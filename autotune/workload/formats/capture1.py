"""``capture/1``, autotune's own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from autotune.workload.capture_schema import SCHEMA
from autotune.workload.formats.base import Format, Place, Written
from autotune.workload.model import Session
from autotune.workload.writer import write_capture


@dataclass(slots=True)
class _Counted:
    """Sessions as they pass, with a count of their turns."""

    sessions: Iterable[Session]
    turns: int = 0

    def __iter__(self) -> Iterator[Session]:
        for session in self.sessions:
            self.turns += len(session.turns)
            yield session


def _write(sessions: Iterable[Session], out: Path, _salt: bytes) -> Written:
    counted = _Counted(sessions)
    count = write_capture(counted, out, force=True)
    return Written(count, counted.turns)


CAPTURE_1 = Format(
    name=SCHEMA,
    description="autotune's own: prompts as what changed, everything kept",
    loses="",
    place=Place.EITHER,
    write=_write,
)
