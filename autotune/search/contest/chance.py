"""How likely each engine is to hold the final winner, by what its trials have shown so far."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.search.finals import CLOSE

if TYPE_CHECKING:
    import numpy as np

DRAWS = 4000
"""Futures that are drawn; a chance of 2% is known to within 0.5%."""

NOISE = math.log(CLOSE) / 2
"""Standard deviation of the logarithm of a best value: a value is uncertain by about `CLOSE`."""

PRIOR_GAIN = math.log(1.4)
"""How much the next config that becomes the best is faster, before an engine has shown any: wide
on purpose, since to doubt a laggard costs a few trials and to drop a winner costs everything."""

PRIOR_RECORDS = 1.0
"""How many configs that became the best `PRIOR_GAIN` counts as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What is known of one engine. Values are the objective in seconds over the shared turns.

    `first_s` is what its default was worth and `best_s` its best so far, ``None`` while nothing
    was measured. `trials` were launched and `records` of them, the first not counted, became the
    best; `left` more would be launched if the rest of the budget were shared evenly.
    """

    first_s: float | None
    best_s: float | None
    trials: int
    records: int
    left: float


def chances(standings: Sequence[Standing], seed: int) -> list[float]:
    """The share of possible futures in which each engine's final best is the fastest of all.

    Thompson's rule (Biometrika 25, 1933) asks for this number: trials are worth making in the
    proportion in which an arm may be the best. What an engine may still gain follows from records.
    Among trials in no particular order the n-th is the best so far with a chance of 1/n (Renyi,
    1962), so `left` more after `trials` hold 1/(n+1) + ... + 1/(n+left) records on average; what
    this engine has had, against what it should have had, makes that more or fewer, and their
    number is drawn from Poisson's distribution. Each shortens the time by an exponentially
    distributed logarithm, whose mean is learnt from what the engine's records have gained, beside
    `PRIOR_GAIN`. So a slow engine that still improves keeps its chance, and one that has stopped
    loses it. That an engine is judged by where it is going is the idea of rising bandits (Li et
    al., "Efficient Automatic CASH via Rising Bandits", AAAI 2020).

    An engine without any value has a chance of 0; if none has one, all are alike. The same
    standings and `seed` give the same chances.
    """
    import numpy as np

    if all(s.best_s is None for s in standings):
        return [1 / len(standings)] * len(standings)
    generator = np.random.default_rng(seed)
    finals = np.stack([_final(standing, generator) for standing in standings])
    # Equal futures share their draw: only infinite ones are ever equal, and those never win.
    wins = np.bincount(finals.argmin(axis=0), minlength=len(standings))
    return [float(count) / DRAWS for count in wins]


def _final(standing: Standing, generator: np.random.Generator) -> np.ndarray:
    """Draws of the logarithm of an engine's final best."""
    import numpy as np

    noise = generator.normal(0.0, NOISE, DRAWS)
    records = generator.poisson(records_to_come(standing), DRAWS)
    # A sum of k exponentials is a gamma of shape k; of none it is nothing.
    sums = generator.gamma(np.maximum(records, 1))
    if standing.best_s is None:
        return np.full(DRAWS, np.inf)
    gains = np.where(records > 0, sums, 0.0) * gain_of_record(standing)
    return np.asarray(math.log(standing.best_s) + noise - gains)


def expected_records(trials: int, left: float) -> float:
    """The mean number of records among `left` trials after `trials`: 1/(n+1) + ... + 1/(n+left)."""
    whole = int(left)
    inside = sum(1 / (trials + k) for k in range(1, whole + 1))
    return inside + (left - whole) / (trials + whole + 1)


def records_to_come(standing: Standing) -> float:
    """The mean number of records among the trials that are left.

    That of trials in no particular order, times what this engine has had against its due; the
    first of both is the prior's.
    """
    due = expected_records(1, max(0, standing.trials - 1))
    luck = (PRIOR_RECORDS + standing.records) / (PRIOR_RECORDS + due)
    return luck * expected_records(standing.trials, standing.left)


def gain_of_record(standing: Standing) -> float:
    """By how much, as a logarithm, one more record of this engine shortens the time, on average."""
    if standing.first_s is None or standing.best_s is None:
        return PRIOR_GAIN
    gained = max(0.0, math.log(standing.first_s / standing.best_s))
    return (PRIOR_GAIN * PRIOR_RECORDS + gained) / (PRIOR_RECORDS + standing.records)
