"""A stretch of an axis that need not begin at zero, with ticks at round numbers."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor

from autotune.report.svg import nice_ticks

_ROOM = 0.03


@dataclass(frozen=True, slots=True)
class Stretch:
    """From `low` to `high`, which is more."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`."""
        return min(1.0, max(0.0, (value - self.low) / (self.high - self.low)))

    def ticks(self, most: int = 8) -> tuple[float, ...]:
        """Multiples of a round step, at most `most` and one."""
        steps = nice_ticks(self.high - self.low, most)
        step = steps[1] if len(steps) > 1 else self.high - self.low
        first, last = ceil(self.low / step - 1e-9), floor(self.high / step + 1e-9)
        return tuple(round(at * step, 12) for at in range(first, last + 1))


def stretch_over(values: Iterable[float]) -> Stretch:
    """From a little below the least to a little above the greatest.

    >>> stretch_over([10.0, 20.0])
    Stretch(low=9.7, high=20.3)
    """
    found = list(values) or [0.0]
    low, high = min(found), max(found)
    room = (high - low) * _ROOM or abs(high) * _ROOM or 1.0
    below = low - room
    return Stretch(0.0 if low >= 0 > below else below, high + room)


WIDE = 4.0
"""From this ratio of the greatest to the least on, an axis of ratios goes by ratio."""


def is_wide(values: Iterable[float]) -> bool:
    """Whether `values` are too far apart for a plain axis. Those not above 0 do not count."""
    found = [value for value in values if value > 0]
    return bool(found) and max(found) / min(found) >= WIDE
