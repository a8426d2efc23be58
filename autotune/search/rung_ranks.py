"""How far a rung can be trusted: does it order configs as the whole plan orders them?

Of every config that was measured on a rung and on the plan, both are laid beside the default's: how
much slower it is there, and how much in all. Two things are told by that. How alike the two orders
are (`autotune.scoring.ranks`, Kendall's tau-b with its interval), and by how much the rung is wrong
about the difference of two configs (`Trust.spread`), noise of both measurements included: that is
what a candidate may look slower by and still be promoted.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from autotune.scoring.ranks import FEW, RankAgreement, rank_agreement
from autotune.search.ledger import COMPLETE, STOPPED, Entry, Ledger
from autotune.search.rung_looks import DROPPED, LOST, look_on, shift_between
from autotune.search.rungs import DEEP, SESSIONS

BEFORE: Mapping[str, float] = {DEEP: 0.05, SESSIONS: 0.03}
"""The spread that is expected of a rung before anything is measured, as a log-ratio."""

WORTH = 4.0
"""How many differences that were measured that expectation counts for."""

LEAST_TAU = 0.2
"""A rung whose tau is below this, all of its interval, orders configs by chance or worse."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One config, slower than the default by `rung` on a rung and by `whole` in all (logs)."""

    number: int
    rung: float
    whole: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """What is known of a rung.

    Attributes:
        rung: its name.
        agreement: between its order of the configs and the plan's.
        spread: the standard deviation of how wrong it is about two configs' difference (log).
        misleads: whether its order is not the plan's, as far as that can be told.
    """

    rung: str
    agreement: RankAgreement
    spread: float
    misleads: bool


def pairs_on(ledger: Ledger, rung: str) -> list[Pair]:
    """The configs that tell of `rung`, the default left out; empty while that has no value.

    A trial that was stopped in the plan counts with its estimate; one that the rung itself ended
    has told nothing of the plan.
    """
    base = ledger.baseline
    own = None if base is None else look_on(base, rung)
    if base is None or own is None or not base.value:
        return []
    return [pair for entry in ledger.measured if (pair := _pair(entry, base, rung)) is not None]


def _pair(entry: Entry, base: Entry, rung: str) -> Pair | None:
    look, own = look_on(entry, rung), look_on(base, rung)
    if entry.key == base.key or look is None or own is None:
        return None
    if not entry.value or not base.value or entry.outcome not in (COMPLETE, STOPPED):
        return None
    if look.verdict in (DROPPED, LOST):
        return None
    shift = shift_between(look.turns, own.turns)
    return None if shift is None else Pair(entry.number, shift, math.log(entry.value / base.value))


def trust_in(ledger: Ledger, rung: str, *, seed: int = 0) -> Trust:
    """What the trials so far say of `rung`."""
    pairs = pairs_on(ledger, rung)
    speeds = [-p.rung for p in pairs], [-p.whole for p in pairs]
    agreement = rank_agreement(*speeds, seed=seed)
    return Trust(
        rung=rung, agreement=agreement, spread=_spread(rung, pairs), misleads=_misleads(agreement)
    )


def spread_of(ledger: Ledger, rung: str) -> float:
    """`Trust.spread` alone, which costs nothing."""
    return _spread(rung, pairs_on(ledger, rung))


def _spread(rung: str, pairs: Sequence[Pair]) -> float:
    """Of the difference of two configs: twice the variance of what the rung is off by for one.

    What it is off by for all of them, the default's own luck, is in no difference.
    """
    off = [p.whole - p.rung for p in pairs]
    measured = 2 * statistics.variance(off) * (len(off) - 1) if len(off) > 1 else 0.0
    known = WORTH * BEFORE[rung] ** 2
    return math.sqrt((known + measured) / (WORTH + max(0, len(off) - 1)))


def misleads(ledger: Ledger, rung: str) -> bool:
    """Whether `rung` orders configs otherwise than the plan does, as far as that can be told."""
    pairs = pairs_on(ledger, rung)
    if len(pairs) < FEW or not _looks_bad(pairs):
        return False
    return trust_in(ledger, rung).misleads


def _looks_bad(pairs: Sequence[Pair]) -> bool:
    """A first look without the interval, which takes its time."""
    quick = rank_agreement([-p.rung for p in pairs], [-p.whole for p in pairs], resamples=1)
    return quick.tau_b is not None and quick.tau_b < LEAST_TAU


def _misleads(agreement: RankAgreement) -> bool:
    few = agreement.directional or agreement.high is None
    return not few and agreement.high is not None and agreement.high < LEAST_TAU


def trusts(ledger: Ledger, names: Sequence[str], *, seed: int = 0) -> Iterator[Trust]:
    """What is known of each of the rungs in `names`."""
    for name in names:
        yield trust_in(ledger, name, seed=seed)
