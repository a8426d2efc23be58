"""Memory over turns: steady, a cache that fills to its limit, or a leak.

What an engine holds rises for honest reasons: buffers grow with the depth of a prompt, a cache
keeps the sessions that were before. A leak shows in two ways at once, and neither reason does both:

* *within* a session, from turn to turn. A cache of evicted prompts grows only when another session
  begins. The slope is Theil and Sen's: the median of the slopes of all pairs of turns of one round
  (Sen, "Estimates of the regression coefficient based on Kendall's tau", 1968), and it counts when
  the lower bound of its interval, by the normal approximation of Kendall's S summed over rounds
  (Hirsch and Slack, "A nonparametric trend test for seasonal data", 1984), is above the floor;
* *across* sessions, at equal depth. What grows with depth falls back when a session ends; the
  slope is over pairs of turns of different rounds that are about as deep.

The first round is left out: it is the first to touch caches and buffers at all.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, groupby
from math import floor, sqrt

from autotune.models.bounded import Caches
from autotune.scoring.quantile import median

Z_ONE_SIDED_99 = 2.326

FLOOR_BYTES = 32 * 1024
"""Less than this a turn is the allocator's own disorder, and would take a day to matter."""

SAME_DEPTH = 0.1
"""Turns within this share of each other's depth are as deep."""

LEAST_TURNS = 8
"""With fewer turns after the first round there is no verdict."""

LEAST_TOTAL_BYTES = 8 * 2**20
"""Growth between sessions that comes to less than this in all is not worth a word."""

SLACK_BYTES = 32 * 2**20
SLACK_SHARE = 0.1
"""A cache may be so much larger than its entries are reckoned to be."""

HORIZON_TURNS = 10_000
"""A leak that leaves memory for more turns than this is told and borne: servers are restarted."""


class GrowthKind(StrEnum):
    """What the memory of an engine does, the worst last."""

    STEADY = "steady"
    BOUNDED = "bounded"
    GROWS = "grows"
    LEAK = "leak"


@dataclass(frozen=True, slots=True)
class Look:
    """What an engine held when a turn ended. `at` counts turns from the start of the server."""

    at: int
    round: int
    depth_tokens: int
    held_bytes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Growth:
    """What was seen after the first round.

    Attributes:
        where: ``gpu`` or ``host``.
        bytes_per_turn: of a leak what shows both within sessions and across them; else across.
        turns, total_bytes: how many turns it is over, and what it comes to in them.
        free_bytes: what was left at the end; ``None`` where it is not known.
        turns_left: until that is used up; ``None`` for what does not grow on.
        cause: the cache that grows, in words, and `limit_bytes` how far; ``None`` without a limit.
    """

    where: str
    kind: GrowthKind
    bytes_per_turn: float
    turns: int
    total_bytes: int
    free_bytes: int | None = None
    turns_left: int | None = None
    cause: str = ""
    limit_bytes: int | None = None


def growth_of(
    looks: Iterable[Look], *, where: str, free_bytes: int | None, caches: Caches | None
) -> Growth | None:
    """What `looks` say, in order; ``None`` for too few turns, or rounds, after the first.

    `caches` is ``None`` for an engine whose caches are not known: then no growth is put down to
    one, and growth between sessions alone is told but not called a leak.
    """
    seen = [look for look in looks if look.round > 0]
    across = _across(seen)
    if len(seen) < LEAST_TURNS or across is None:
        return None
    within = _within(seen)
    leaking = min(within, across) if within is not None else 0.0
    kind, slope = _kind(leaking, across, len(seen), caches)
    left = None
    if kind in (GrowthKind.LEAK, GrowthKind.GROWS) and free_bytes is not None:
        left = int(free_bytes / slope)
    if kind is GrowthKind.LEAK and left is not None and left > HORIZON_TURNS:
        kind = GrowthKind.GROWS
    named = caches is not None and kind is GrowthKind.BOUNDED
    return Growth(
        where=where,
        kind=kind,
        bytes_per_turn=slope,
        turns=len(seen),
        total_bytes=round(slope * len(seen)),
        free_bytes=free_bytes,
        turns_left=left,
        cause=caches.name if caches is not None and named else "",
        limit_bytes=caches.limit_bytes if caches is not None and named else None,
    )


def _kind(
    leaking: float, across: float, turns: int, caches: Caches | None
) -> tuple[GrowthKind, float]:
    """The kind, and the slope that it is about."""
    if leaking > FLOOR_BYTES:
        if caches is not None and _covered(across * turns, caches.within_bytes):
            return _filling(caches), across
        return GrowthKind.LEAK, leaking
    if across * turns < LEAST_TOTAL_BYTES:
        return GrowthKind.STEADY, across
    if caches is not None and _covered(across * turns, caches.between_bytes):
        return _filling(caches), across
    return GrowthKind.GROWS, across


def _filling(caches: Caches) -> GrowthKind:
    """A cache without a limit fills until memory is out."""
    return GrowthKind.GROWS if caches.limit_bytes is None else GrowthKind.BOUNDED


def _covered(total: float, allowed: int) -> bool:
    return allowed > 0 and total <= allowed * (1 + SLACK_SHARE) + SLACK_BYTES


def _within(looks: Sequence[Look]) -> float | None:
    """The median slope within rounds, where it is surely above the floor; else ``None``."""
    slopes: list[float] = []
    variance = 0.0
    for _, each in groupby(looks, key=lambda look: look.round):
        own = list(each)
        slopes += [_slope(a, b) for a, b in combinations(own, 2)]
        n = len(own)
        variance += n * (n - 1) * (2 * n + 5) / 18
    slopes.sort()
    lowest = floor((len(slopes) - Z_ONE_SIDED_99 * sqrt(variance)) / 2)
    if lowest < 0 or not slopes or slopes[lowest] <= FLOOR_BYTES:
        return None
    return median(slopes)


def _across(looks: Sequence[Look]) -> float | None:
    """The median slope between turns of different rounds that are as deep; ``None`` without any."""
    slopes = [
        _slope(a, b) for a, b in combinations(looks, 2) if a.round != b.round and _as_deep(a, b)
    ]
    return median(slopes) if slopes else None


def _as_deep(a: Look, b: Look) -> bool:
    return abs(a.depth_tokens - b.depth_tokens) <= SAME_DEPTH * max(a.depth_tokens, b.depth_tokens)


def _slope(a: Look, b: Look) -> float:
    return (b.held_bytes - a.held_bytes) / (b.at - a.at)
