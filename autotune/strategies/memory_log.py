"""A turn log in memory: a simulated search leaves nothing on the disk."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from autotune.records import TurnRecord
from autotune.study.turn_log import TurnLog


class MemoryTurnLog(TurnLog):
    """Keeps records by arm, and is asked like the one on the disk."""

    def __init__(self) -> None:
        self._records: list[TurnRecord] = []

    def append(self, record: TurnRecord) -> None:
        """One record more."""
        self._records.append(record)

    def records(self) -> Iterable[TurnRecord]:
        """Every record in order; what `read_turns` gives of a file."""
        return tuple(self._records)

    def set_aside(self, arm: str, block: int, *, as_arm: str) -> int:
        """Call records of `arm` and `block` something else; how many there were."""
        found = 0
        for at, record in enumerate(self._records):
            if (record.arm, record.block) == (arm, block):
                self._records[at] = replace(record, arm=as_arm)
                found += 1
        return found

    def close(self) -> None:
        """Nothing is open."""
