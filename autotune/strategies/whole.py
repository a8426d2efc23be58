"""Trials as most tuners make them: one launch, the whole plan, one value, the least one leads."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from autotune.candidate import Candidate, Setting
from autotune.search.space import Space, holds, to_settings
from autotune.strategies.seam import Asked, Pick, Settings, Setup, Values
from autotune.trial.measurement import Measurement

Worth = Callable[[Measurement], float | None]
"""The number that a strategy makes small; ``None`` for a measurement without one."""


@dataclass(slots=True)
class Whole:
    """Measures candidates of `setup` whole, and keeps the one with the least value.

    `worth` is the study's own objective unless another is given. What feasibility refuses costs
    nothing and has no value: that much is given to every strategy.
    """

    setup: Setup
    asked: Asked
    worth: Worth | None = None
    trials: int = 0
    best_value: float = math.inf
    best: Settings = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.best = self.default

    @property
    def default(self) -> Settings:
        """The engine's defaults: what is recommended before anything is known."""
        return to_settings(self.setup.space, self.setup.space.defaults)

    @property
    def is_over(self) -> bool:
        """Whether the budget is spent."""
        return self.setup.clock.now() >= self.asked.budget_s

    @property
    def now(self) -> Pick:
        """What is best by now."""
        return Pick(self.setup.clock.now(), self.best, self.trials)

    def candidate(self, values: Values) -> Candidate:
        """The settings that `values` come to."""
        return Candidate(to_settings(self.setup.space, values))

    def refuses(self, candidate: Candidate) -> bool:
        """Whether it is known beforehand that `candidate` cannot run."""
        return self.setup.feasibility.refusal(candidate) is not None

    def measure(self, candidate: Candidate) -> float | None:
        """Its value; ``None`` where it failed. Feasibility learns from failures."""
        measured = self.setup.measurer.measure(
            candidate,
            self.setup.search_plan,
            arm=f"trial-{self.trials:04d}",
            block=0,
            sink=lambda _: None,
        )
        self.trials += 1
        self.setup.feasibility.learn(candidate, measured.failure)
        value = self._value(measured)
        if value is not None and value < self.best_value:
            self.best_value, self.best = value, candidate.settings
        return value

    def _value(self, measured: Measurement) -> float | None:
        if self.worth is None:
            return self.setup.judge.judge(measured).value
        return None if measured.failure is not None else self.worth(measured)


def draw(setup: Setup, rng: random.Random) -> Values:
    """One value of every parameter that applies, each as likely as the others."""
    values: dict[str, Setting] = {}
    space = setup.space
    for parameter in space.parameters:
        if holds(parameter.requires, {**space.fixed, **values}):
            values[parameter.name] = rng.choice(parameter.choices)
    return values


def every(space: Space, at: int = 0, values: Values | None = None) -> Iterator[Values]:
    """The grid of `space`: parameters in their order, the last one changes first."""
    chosen = values or {}
    if at == len(space.parameters):
        yield chosen
        return
    parameter = space.parameters[at]
    if not holds(parameter.requires, {**space.fixed, **chosen}):
        yield from every(space, at + 1, chosen)
        return
    for choice in parameter.choices:
        yield from every(space, at + 1, {**chosen, parameter.name: choice})
