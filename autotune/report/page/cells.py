"""Cells of numbers: what a person reads, with the exact value behind it."""

from __future__ import annotations

from autotune.report.page.model import Cell
from autotune.report.text import ABSENT, duration, number, share, times


def figure(value: float | None) -> Cell:
    """Three digits that count."""
    return Cell(number(value), value)


def part(value: float | None) -> Cell:
    """A share of 1 in percent."""
    return Cell(share(value), value)


def ratio(value: float | None) -> Cell:
    """A ratio: ``1.36x``."""
    return Cell(times(value), value)


def span(value: float | None) -> Cell:
    """Seconds as a person says them: ``3m 20s``."""
    return Cell(duration(value), value)


def count(value: float | None) -> Cell:
    """A whole number with its thousands told apart."""
    return Cell(ABSENT if value is None else f"{value:,.0f}", value)


def bounds(low: float | None, high: float | None) -> Cell:
    """``1.21x to 1.33x``; sorted by its lower end."""
    if low is None or high is None:
        return Cell(ABSENT)
    return Cell(f"{times(low)} to {times(high)}", low)
