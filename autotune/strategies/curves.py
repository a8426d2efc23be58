"""Regret over engine-seconds: the median of many searches, and the quarter on either side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autotune.strategies.cells import Result, Step
from autotune.strategies.figures import Group, regret
from autotune.strategies.shares import NEVER, middle

PLACES = 120


@dataclass(frozen=True, slots=True)
class Point:
    """At one moment; ``None`` where more than that share has nothing that runs."""

    engine_s: float
    low: float | None
    median: float | None
    high: float | None


@dataclass(frozen=True, slots=True)
class Curve:
    """One strategy's."""

    strategy: str
    points: tuple[Point, ...]


def curves(group: Group, places: int = PLACES) -> list[Curve]:
    """One a strategy, at evenly spaced moments from 0 to the budget."""
    moments = [group.budget_s * at / places for at in range(places + 1)]
    return [
        Curve(name, tuple(_point(results, at_s, group.optimum) for at_s in moments))
        for name, results in group.results.items()
    ]


def value_at(steps: Sequence[Step], at_s: float) -> float | None:
    """What the recommendation is worth at a moment."""
    found: float | None = None
    for step in steps:
        if step.engine_s > at_s:
            break
        found = step.value
    return found


def _point(results: Sequence[Result], at_s: float, optimum: float) -> Point:
    lost = [regret(value_at(result.steps, at_s), optimum) for result in results]
    values = [NEVER if each is None else each for each in lost]
    return Point(at_s, middle(values, 0.25), middle(values), middle(values, 0.75))
