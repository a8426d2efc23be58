"""What a full factorial shows: the best configuration, and how much each factor explains.

A factor is a parameter with everything that only applies under it: ``spec-type`` has the levels
``none``, ``ngram-simple 3/24`` and so on. Times are compared as logarithms, since settings act by
factors. In a full factorial the sums of squares of main effects and interactions add up to the
whole, without a model being fitted (Box, Hunter and Hunter, "Statistics for Experimenters", 2005,
chapter 5).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

from autotune.candidate import Setting
from autotune.search.space import Parameter, Space

Settings = Mapping[str, Setting]
LevelOf = Callable[[Settings], str]


@dataclass(frozen=True, slots=True)
class Point:
    """One configuration and what it is worth, in seconds."""

    settings: Settings
    value: float


@dataclass(frozen=True, slots=True)
class Level:
    """One level of a factor: its geometric mean over that of all, and its best configuration."""

    factor: str
    name: str
    ratio: float
    best: float


@dataclass(frozen=True, slots=True)
class Share:
    """How much of the variance of the logarithms one factor, or two together, explain."""

    factors: tuple[str, ...]
    share: float


def factors_of(space: Space) -> dict[str, LevelOf]:
    """Each factor's name, and what tells a configuration's level of it."""
    own = [p for p in space.parameters if not p.requires]
    return {p.name: _level_of(p, _under(space, p)) for p in own}


def _under(space: Space, parent: Parameter) -> list[Parameter]:
    return [p for p in space.parameters if parent.name in p.requires]


def _level_of(parameter: Parameter, under: Sequence[Parameter]) -> LevelOf:
    def level(settings: Settings) -> str:
        more = "/".join(str(settings[p.name]) for p in under if p.name in settings)
        return f"{settings[parameter.name]} {more}".strip()

    return level


def levels(points: Sequence[Point], factors: Mapping[str, LevelOf]) -> list[Level]:
    """Every level of every factor, in the order in which they are met."""
    mean = _mean(points)
    return [
        Level(name, str(level), math.exp(_mean(group) - mean), min(p.value for p in group))
        for name, level_of in factors.items()
        for level, group in _groups(points, level_of).items()
    ]


def shares(points: Sequence[Point], factors: Mapping[str, LevelOf]) -> list[Share]:
    """Main effects and interactions of two, the largest first; the rest is what is missing to 1.

    Exact where every combination was measured once; where some failed, nearly.
    """
    mean = _mean(points)
    whole = sum((math.log(p.value) - mean) ** 2 for p in points)
    if not whole:
        return []
    alone = {name: _squares(points, of, mean) for name, of in factors.items()}
    found = [Share((name,), squares / whole) for name, squares in alone.items()]
    for a, b in itertools.combinations(factors, 2):
        cells = _squares(points, lambda s, a=a, b=b: (factors[a](s), factors[b](s)), mean)
        found.append(Share((a, b), max(0.0, cells - alone[a] - alone[b]) / whole))
    return sorted(found, key=lambda s: -s.share)


def within(points: Sequence[Point], share: float) -> list[Point]:
    """Configurations that come within `share` of the best, the best first."""
    ranked = sorted(points, key=lambda p: p.value)
    return [p for p in ranked if p.value <= (1 + share) * ranked[0].value]


def _mean(points: Sequence[Point]) -> float:
    return fmean([math.log(p.value) for p in points])


def _groups(
    points: Sequence[Point], level_of: Callable[[Settings], object]
) -> dict[object, list[Point]]:
    found: dict[object, list[Point]] = {}
    for point in points:
        found.setdefault(level_of(point.settings), []).append(point)
    return found


def _squares(points: Sequence[Point], level_of: Callable[[Settings], object], mean: float) -> float:
    """The sum of squares between the levels."""
    groups = _groups(points, level_of).values()
    return sum(len(group) * (_mean(group) - mean) ** 2 for group in groups)
