"""What a rung cannot see: how many sessions an engine's caches hold at once.

A rung has few sessions in the cache, the whole plan has all of them. A candidate that makes room
for more (more slots, smaller keys and values, more host memory) shows its gain only where the best
one loses prefixes; there, no rung may end it for being no faster on a few turns.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

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


def lost_share(records: Iterable[TurnRecord], scored: Collection[TurnKey]) -> float | None:
    """The share of the scored turns that have lost their prefix; ``None`` where none says.

    First turns of sessions and those behind a context edit have none to lose.
    """
    before: dict[str, int] = {}
    lost, seen = 0, 0
    for record in sorted(records, key=lambda r: r.order):
        depth = before.get(record.session_id)
        counts = record.ok and record.boundary is None
        if counts and depth and record.cached_tokens is not None:
            is_scored = (record.session_id, record.turn) in scored
            seen += is_scored
            lost += is_scored and record.cached_tokens < LOST * depth
        before[record.session_id] = record.depth_tokens or 0
    return lost / seen if seen else None


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
