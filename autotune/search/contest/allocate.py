"""Which engine gets the next trial."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

FLOOR = 0.1
"""The least share of the trials of an engine that is not out; half of an even share, if less."""

OUT = 0.02
"""An engine less likely than this to hold the final winner is out: it gets no more trials."""

GOLDEN = 0.6180339887498949
"""The fractional parts of its multiples fill the interval from 0 to 1 more evenly than chance, at
every moment (additive recurrence, Niederreiter, "Random Number Generation and Quasi-Monte Carlo
Methods", 1992, chapter 3)."""


@dataclass(frozen=True, slots=True)
class Shares:
    """What each engine gets of the next trials; 0 for one that is out."""

    chances: Mapping[str, float]
    shares: Mapping[str, float]

    @property
    def out(self) -> tuple[str, ...]:
        """Engines that are clearly out."""
        return tuple(name for name, share in self.shares.items() if not share)


def shares_of(chances: Mapping[str, float]) -> Shares:
    """Shares in the proportion of the chances, none below the floor until it is clearly out.

    An engine whose chance is below `OUT` is out; its share is 0. Nothing is remembered: should the
    evidence turn (a best that was lucky), it is in again. The engine with the best chance is never
    out.
    """
    floor = min(FLOOR, 0.5 / len(chances))
    top = max(chances.values())
    raised = {n: max(floor, p) if p >= OUT or p == top else 0.0 for n, p in chances.items()}
    total = sum(raised.values())
    return Shares(dict(chances), {name: share / total for name, share in raised.items()})


def pick(shares: Mapping[str, float], costs_s: Mapping[str, float | None], at: int) -> str | None:
    """The engine of trial number `at`, by its share; ``None`` when nobody has any.

    The shares are of engine-seconds where `costs_s` are known: an engine whose trials take twice
    as long gets half as many. Chosen by a sequence that fills the interval evenly, so that shares
    hold over any few trials, and the same study always goes the same way, killed or not.
    """
    weights = {n: share / (costs_s.get(n) or 1.0) for n, share in shares.items() if share > 0}
    total = sum(weights.values())
    if not weights:
        return None
    point, reached = (at * GOLDEN) % 1.0 * total, 0.0
    for name, weight in weights.items():
        reached += weight
        if point < reached:
            return name
    return next(reversed(weights))


def first_rounds(due: Sequence[tuple[str, int, bool]]) -> str | None:
    """The engine whose turn it is while some have not had their default and their starts.

    `due` has each engine with the trials it had and whether it still lacks any of those; they take
    turns in the order in which they were named.
    """
    lacking = [(trials, at, name) for at, (name, trials, lacks) in enumerate(due) if lacks]
    return min(lacking)[2] if lacking else None
