"""What a rung cannot see: how many sessions an engine's caches hold at once.

A rung has few sessions in the cache, the whole plan has all of them. A candidate that makes room
for more (more slots, smaller keys and values, more host memory) shows its gain only where the best
one loses prefixes; there, no rung may end it for being no faster on a few turns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from autotune.candidate import Setting
from autotune.records import TurnRecord
from autotune.search.judge import TurnKey
from autotune.search.space import Space

CAPACITY = frozenset({"cache slots", "quantization", "context length"})
"""Concepts of the flags that decide how much caches hold."""

LOST = 0.5
"""A turn has lost its prefix when less than this of what its session's turn before it held is
found again."""

LEAST_SHARE = 0.05
"""Of the scored turns: where fewer have lost theirs, there is nothing to gain by more room."""


SAME_LOST = 4
"""Prefixes that the best one lost and the candidate lost as well, and none that it kept: by then it
has shown that it makes no room."""


def losses(records: Iterable[TurnRecord]) -> dict[TurnKey, bool]:
    """Whether each turn had lost its prefix, of turns that had one to lose and tell.

    First turns of sessions and those behind a context edit have none.
    """
    memory, found = _Depths(), dict[TurnKey, bool]()
    for record in sorted(records, key=lambda r: r.order):
        lost = memory.lost(record)
        if lost is not None:
            found[record.session_id, record.turn] = lost
    return found


def lost_share(records: Iterable[TurnRecord], scored: Collection[TurnKey]) -> float | None:
    """The share of the scored turns that have lost their prefix; ``None`` where none says."""
    told = [lost for key, lost in losses(records).items() if key in scored]
    return sum(told) / len(told) if told else None


@dataclass(slots=True)
class _Depths:
    """How much each session's turn before held."""

    before: dict[str, int] = field(default_factory=dict)

    def lost(self, record: TurnRecord) -> bool | None:
        """Whether `record`, the next in order, lost its prefix; ``None`` where it had none."""
        depth = self.before.get(record.session_id)
        self.before[record.session_id] = record.depth_tokens or 0
        if not depth or not record.ok or record.boundary is not None:
            return None
        return None if record.cached_tokens is None else record.cached_tokens < LOST * depth


@dataclass(slots=True)
class Room:
    """Whether a candidate under way may still gain by room that the best one lacks.

    `lost` are the turns at which the best one had lost its prefix. Turns at which both lose it say
    that there is no more room; one that the candidate keeps says that there is.
    """

    lost: frozenset[TurnKey]
    same: int = 0
    kept: int = 0
    _depths: _Depths = field(default_factory=_Depths)

    @classmethod
    def beside(cls, records: Iterable[TurnRecord]) -> Room:
        """Beside the best one, which left `records`."""
        return cls(frozenset(key for key, lost in losses(records).items() if lost))

    def take(self, record: TurnRecord) -> None:
        """One more turn of the candidate, in order."""
        lost = self._depths.lost(record)
        if lost is not None and (record.session_id, record.turn) in self.lost:
            self.same += lost
            self.kept += not lost

    @property
    def is_open(self) -> bool:
        """Whether it may."""
        return self.kept > 0 or self.same < SAME_LOST


def changes_capacity(
    space: Space, settings: Mapping[str, Setting], others: Mapping[str, Setting]
) -> bool:
    """Whether two configs differ in a flag that decides how much caches hold."""
    names = (p.name for p in space.parameters if p.concept in CAPACITY)
    return any(settings.get(name) != others.get(name) for name in names)


def is_beyond(
    space: Space,
    settings: Mapping[str, Setting],
    best: Mapping[str, Setting],
    records: Iterable[TurnRecord],
    scored: Collection[TurnKey],
) -> bool:
    """Whether `settings` may gain by what no rung shows, the `best` one having left `records`."""
    if not changes_capacity(space, settings, best):
        return False
    share = lost_share(records, scored)
    return share is None or share >= LEAST_SHARE
