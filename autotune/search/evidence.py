"""From the trials of a ledger to the points of a surrogate, with how sure each of them is."""

from __future__ import annotations

import math
from collections.abc import Iterator

from autotune.search.ledger import COMPLETE, STOPPED, Ledger
from autotune.search.surrogate import Point

TRIAL_ERROR = 0.03
"""The standard deviation of one trial's log time by the machine alone, where nothing is known."""

STOPPED_ERROR = 0.06
"""Of a trial that was stopped early, on top: its estimate is the median of a few turns' ratios."""


def trial_error(floor: float) -> float:
    """The same by the noise floor, a log-ratio that 95 of 100 pairs of runs stay within.

    Two runs differ by a normal number of ``sqrt(2)`` times the deviation of one, and 1.96 of those
    are the floor. An infinite floor is one that was not measured.
    """
    return floor / (1.96 * math.sqrt(2.0)) if math.isfinite(floor) else TRIAL_ERROR


def points_of(ledger: Ledger, error: float = TRIAL_ERROR) -> list[Point]:
    """One point for every look at a config, against the default; empty before there is a value.

    A config that was stopped early and later measured whole is known by the latter. Where the
    default has no value, the first trial with one takes its place.
    """
    first = reference_value(ledger)
    return [] if first is None else list(_points(ledger, first, error))


def reference_value(ledger: Ledger) -> float | None:
    """The default's value in seconds; failing that, the first that there is."""
    base = ledger.baseline
    if base is not None and base.value is not None:
        return base.value
    return next((e.value for e in ledger.measured if e.value is not None), None)


def _points(ledger: Ledger, first: float, error: float) -> Iterator[Point]:
    for entry in ledger.measured:
        looks = ledger.looks(entry.key)
        if entry.value is None or entry.value <= 0:
            continue
        if entry.outcome == COMPLETE and any(e.number == entry.number for e in looks):
            yield Point(entry.values, math.log(entry.value / first), error)
        elif entry.outcome == STOPPED and not looks:
            spread = math.hypot(error, STOPPED_ERROR)
            yield Point(entry.values, math.log(entry.value / first), spread)
