"""Axes of a plot: from a value to its share of the way, and the ticks written beside it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil, floor, log10

from autotune.report.svg import nice_ticks, short_number

_STEPS = (1.0, 2.0, 5.0)
_FEW_DECADES = 3.2
_HEADROOM = 1.04


@dataclass(frozen=True, slots=True)
class Linear:
    """From `low` to `high`; ticks at round numbers. Values beyond the ends are drawn at them."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`."""
        return _within((value - self.low) / (self.high - self.low))

    def ticks(self, most: int = 5) -> tuple[float, ...]:
        """Round numbers that are in reach, zero among them where it is."""
        found = nice_ticks(max(self.high, -self.low), most)
        every = (*(-t for t in reversed(found[1:])), *found)
        return tuple(t for t in every if self.low <= t <= self.high)


@dataclass(frozen=True, slots=True)
class Log:
    """From `low` to `high`, both above 0, by ratio; ticks at 1, 2 and 5, or at powers of ten."""

    low: float
    high: float

    def share(self, value: float) -> float:
        """0 at `low`, 1 at `high`; what is not above `low` is drawn there."""
        if value <= self.low:
            return 0.0
        return _within(log10(value / self.low) / log10(self.high / self.low))

    def ticks(self) -> tuple[float, ...]:
        """Every 1-2-5 step, or only the powers of ten where there are many."""
        steps = _STEPS if log10(self.high / self.low) <= _FEW_DECADES else _STEPS[:1]
        powers = range(floor(log10(self.low)), ceil(log10(self.high)) + 1)
        every = (step * 10.0**power for power in powers for step in steps)
        return tuple(t for t in every if self.low * (1 - 1e-9) <= t <= self.high * (1 + 1e-9))


Scale = Linear | Log


def linear_over(values: Iterable[float]) -> Linear:
    """From zero, or the least value below it, to a little above the greatest."""
    found = [0.0, *values]
    low, high = min(found), max(found)
    return Linear(low * _HEADROOM, high * _HEADROOM if high > 0 else 1.0)


def log_over(values: Iterable[float]) -> Log:
    """From the 1-2-5 step below the least of those above 0 to the one above the greatest."""
    found = [value for value in values if value > 0] or [1.0]
    low, high = _step_below(min(found)), _step_above(max(found))
    return Log(low, high if high > low else low * 10)


def tick_label(value: float) -> str:
    """``0.05``, ``20``, ``1.5k``, ``100k``."""
    return short_number(value) if abs(value) >= 1000 else f"{value:g}"


def _step_below(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return max(step * power for step in _STEPS if step * power <= value * (1 + 1e-9))


def _step_above(value: float) -> float:
    power = 10.0 ** floor(log10(value))
    return min(step * power for step in (*_STEPS, 10.0) if step * power >= value * (1 - 1e-9))


def _within(share: float) -> float:
    return min(1.0, max(0.0, share))
