"""What of a comparison is measured: whole blocks of each arm, and why an arm has no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.compare.measured import Measured
from autotune.records import TurnRecord

Key = tuple[str, int]
"""Arm and block."""


@dataclass(slots=True)
class Progress:
    """Grows block by block. `rows` are plain facts about each block that was measured.

    `names` are the arms in the order they were given; `failed` says why an arm is left out. `again`
    counts blocks that others disturbed and that were made again, `again_s` what they had taken;
    `never_quiet` is whether that was given up.
    """

    names: tuple[str, ...]
    failed: dict[str, str] = field(default_factory=dict)
    records: dict[Key, tuple[TurnRecord, ...]] = field(default_factory=dict)
    rows: list[dict[str, Any]] = field(default_factory=list)
    again: int = 0
    again_s: float = 0.0
    never_quiet: bool = False

    @property
    def alive(self) -> tuple[str, ...]:
        """Arms that can still be measured."""
        return tuple(name for name in self.names if name not in self.failed)

    @property
    def done(self) -> int:
        """How many blocks every arm that is alive has finished."""
        if not self.alive:
            return 0
        return min(self.blocks(name) for name in self.alive)

    @property
    def seconds(self) -> float:
        """What all blocks took together, those made again included."""
        return self.again_s + sum(float(row["seconds"]) for row in self.rows)

    @property
    def block_s(self) -> float:
        """What one block of every arm that is alive takes, by those measured; 0 before any."""
        mean = [_mean([r["seconds"] for r in self.rows if r["arm"] == n]) for n in self.alive]
        return sum(mean)

    def blocks(self, name: str) -> int:
        """Whole blocks of an arm, counted from the first."""
        count = 0
        while (name, count) in self.records:
            count += 1
        return count

    def take(self, name: str, block: int, measured: Measured) -> None:
        """A block ended, well or not."""
        if measured.failure is None:
            self.records[name, block] = measured.records
        else:
            self.failed[name] = measured.failure
        self.rows.append(
            {
                "arm": name,
                "block": block,
                "seconds": round(measured.seconds, 3),
                "failure": measured.failure,
                "effective": dict(measured.effective),
                "disturbed": list(measured.disturbed),
                "log": measured.log,
            }
        )

    def compared(self) -> dict[str, list[TurnRecord]]:
        """Records of finished blocks by arm; the first arm is the one that others are held against.

        That is the first arm that was given, and where it failed while others go on, the next. An
        arm that failed counts with the blocks that it finished before.
        """
        several = len(self.alive) > 1
        order = (*self.alive, *self.failed) if several else self.names
        limit = self.done if several else max(map(self.blocks, self.names), default=0)
        whole = {name: min(self.blocks(name), limit) for name in order}
        return {
            name: [record for block in range(blocks) for record in self.records[name, block]]
            for name, blocks in whole.items()
            if blocks
        }


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0


def resumed(
    names: tuple[str, ...],
    rows: Iterable[Mapping[str, Any]],
    records: Iterable[TurnRecord],
    turns: Mapping[str, int],
) -> Progress:
    """What an earlier run finished: good blocks by its `rows` of which every turn is on disk.

    `turns` is how many each arm has. Of a turn that was measured twice, after a kill, the later
    stands. What failed is tried again.
    """
    progress = Progress(names)
    good = {(str(r["arm"]), int(r["block"])): dict(r) for r in rows if not r["failure"]}
    found: dict[Key, dict[int, TurnRecord]] = {}
    for record in records:
        if record.ok and (record.arm, record.block) in good:
            found.setdefault((record.arm, record.block), {})[record.order] = record
    for key, by_order in found.items():
        if len(by_order) == turns.get(key[0]):
            progress.records[key] = tuple(by_order[order] for order in sorted(by_order))
            progress.rows.append(good[key])
    return progress
