"""Quantiles by linear interpolation."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor


def quantile(values: Sequence[float], share: float) -> float:
    """The value below which `share` of `values` lies, 0 <= share <= 1.

    Linear interpolation between order statistics at position ``(n - 1) * share``: type 7 of
    Hyndman and Fan, "Sample Quantiles in Statistical Packages" (1996), and NumPy's default.
    Raises ``ValueError`` for no values.
    """
    if not values:
        raise ValueError("a quantile of nothing")
    ordered = sorted(values)
    position = (len(ordered) - 1) * share
    low = floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


def median(values: Sequence[float]) -> float:
    """The middle value, or the mean of the two in the middle."""
    return quantile(values, 0.5)
