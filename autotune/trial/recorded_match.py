"""Which recorded configuration is the nearest to one that was never measured."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

from autotune.candidate import Setting

Ranges = Mapping[str, tuple[float, float]]


def distance(a: Mapping[str, Setting], b: Mapping[str, Setting], ranges: Ranges) -> float:
    """0 for equal settings, 1 for settings with nothing in common.

    Gower's (Biometrics 27, 1971): the mean over the flags of 0 or 1 for words, of the share of the
    flag's range for numbers, on a log scale.
    """
    names = set(a) | set(b)
    return sum(_apart(a.get(n), b.get(n), ranges.get(n)) for n in names) / max(len(names), 1)


def ranges_of(tables: Iterable[Mapping[str, Setting]]) -> dict[str, tuple[float, float]]:
    """The least and the greatest place of every flag that has numbers."""
    found: dict[str, tuple[float, float]] = {}
    for settings in tables:
        for name, value in settings.items():
            if _is_number(value):
                place = _place(value)
                low, high = found.get(name, (place, place))
                found[name] = (min(low, place), max(high, place))
    return found


def _apart(a: Setting | None, b: Setting | None, among: tuple[float, float] | None) -> float:
    if a == b:
        return 0.0
    low, high = among or (0.0, 0.0)
    if _is_number(a) and _is_number(b) and high > low:
        return min(1.0, abs(_place(a) - _place(b)) / (high - low))
    return 1.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _place(value: object) -> float:
    """Numbers on a log scale: settings double rather than add."""
    return math.log2(1.0 + max(0.0, float(str(value))))
