"""Who goes on from a rung: whoever may still win, as far as that rung can be trusted.

Successive halving (Jamieson and Talwalkar, 2016; Li and others, "A system for massively parallel
hyperparameter tuning", 2020, for one that promotes without waiting for a batch) keeps a share of a
batch of peers. Here trials come one after another and one peer matters, the best so far. So a
candidate goes on when it looks faster than the best by what a gain must at least be. One that looks
slower, by no more than the rung is known to be wrong (`rung_ranks`), goes on only as one of the
better half of all that were asked there: of many that look alike, the rung keeps those that look
least slow. A rung that is often wrong ends only those that cannot win.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from autotune.search.ledger import Ledger
from autotune.search.race import AT_THE_END
from autotune.search.rung_looks import CHECKED, DROPPED, look_on, shift_between

DOUBT = 1.0
"""Spreads by which a candidate may look slower than a winner must be: one that is just good enough
looks worse than that one time in six."""

KEPT = 0.5
"""Of all that were asked on a rung, the share that doubt may carry on: halving."""

COARSE = 0.1
"""A rung that is wrong about two configs by more halves nobody: which half would be chance."""

FEW = 4
"""Before so many were asked there are no halves."""


def looks_faster(shift: float) -> bool:
    """Whether a candidate of this log-ratio to the best one's time gains by what is worth it."""
    return shift <= math.log(AT_THE_END)


def may_win(shift: float, spread: float) -> bool:
    """Whether it may gain that much, were the rung wrong about it by `DOUBT` times `spread`."""
    return shift - DOUBT * spread <= math.log(AT_THE_END)


def is_kept(shift: float, others: Iterable[float]) -> bool:
    """Whether it is in the better `KEPT` of all, itself included; always among few."""
    known = list(others)
    if len(known) + 1 < FEW:
        return True
    better = sum(other < shift for other in known)
    return better < KEPT * (len(known) + 1)


def is_promoted(shift: float, spread: float, others: Iterable[float]) -> bool:
    """Whether a candidate goes on. All are log-ratios of time to the best one's, on one rung."""
    if looks_faster(shift):
        return True
    return may_win(shift, spread) and (spread > COARSE or is_kept(shift, others))


def others_on(ledger: Ledger, rung: str, turns: Mapping[str, float]) -> list[float]:
    """What others looked like on `rung` beside the best one, whose `turns` there are given."""
    looks = (look_on(entry, rung) for entry in ledger.measured)
    shifts = (shift_between(look.turns, turns) for look in looks if look is not None)
    return [shift for shift in shifts if shift is not None]


def wants_check(ledger: Ledger, rung: str) -> bool:
    """Whether the next one that `rung` would drop goes on all the same.

    After 2 that were dropped, after 6 more, after 10 more, ...: only those show whether the rung is
    wrong about whom it drops, and each costs a trial.
    """
    verdicts = [look.verdict for e in ledger.measured if (look := look_on(e, rung)) is not None]
    dropped, checked = verdicts.count(DROPPED), verdicts.count(CHECKED)
    return dropped >= 2 * (checked + 1) ** 2
