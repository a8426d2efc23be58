"""Quantiles of values that may be infinite: of searches that never arrived."""

from __future__ import annotations

import math
from collections.abc import Sequence

NEVER = math.inf


def middle(values: Sequence[float], share: float = 0.5) -> float | None:
    """The quantile at `share` as `scoring.quantile` has it; ``None`` where it is infinite."""
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    low, high = ordered[math.floor(position)], ordered[math.ceil(position)]
    if high == NEVER:
        return None
    return low + (high - low) * (position - math.floor(position))


def upper(values: Sequence[float], share: float) -> float | None:
    """The least value that `share` of them do not exceed; ``None`` where it is infinite.

    One of the values, and no mean of two: where one search of twenty never arrived, the other
    nineteen are 95%.
    """
    found = sorted(values)[max(0, math.ceil(share * len(values) - 1e-9) - 1)]
    return None if found == NEVER else found
