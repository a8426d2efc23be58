"""A made-up shortage of memory that a search can learn: by how much the flags ask for together.

Each flag of which more takes more memory (`models.memory_order`) has a weight that the seed draws;
a config whose weighted demands add up to more than a limit runs out of memory. So whatever asks for
no less of everything than one that ran out does so too, as in life. How much of the space that is,
is asked for; configs that are spared lie within the limit.
"""

from __future__ import annotations

import random
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.models.engine_memory import memory_model
from autotune.models.memory_order import MemoryOrder
from autotune.search.space import Space, to_settings
from autotune.search.suggest import active_values

Settings = Mapping[str, Setting]

SAMPLE = 600
"""Configs by which shares of a space are reckoned."""

DRAWS = 60
"""Weights that are tried; those whose share of the space comes nearest to the asked one stay."""


@dataclass(frozen=True, slots=True)
class ShortMemory:
    """`steps` are the amounts of each flag in order, `weights` what the most of it asks for.

    `sizes` are the amounts that words stand for. `share` is of the space, by a sample.
    """

    weights: Mapping[str, float]
    steps: Mapping[str, tuple[float, ...]]
    sizes: Mapping[str, Mapping[str, float]]
    limit: float
    share: float

    def asked(self, settings: Settings) -> float:
        """What `settings` ask for, in no unit; more of any flag is no less."""
        return sum(
            weight * self._rank(name, settings.get(name)) for name, weight in self.weights.items()
        )

    def is_short(self, settings: Settings) -> bool:
        """Whether `settings` run out of memory."""
        return self.asked(settings) > self.limit

    def _rank(self, name: str, value: Setting | None) -> float:
        steps, amount = self.steps[name], _amount(self.sizes.get(name), value)
        if amount is None or len(steps) < 2:
            return 0.0
        return min(1.0, bisect_left(steps, amount) / (len(steps) - 1))


def short_memory(
    space: Space, share: float, seed: int, spared: Sequence[Settings] = ()
) -> ShortMemory | None:
    """A shortage over about `share` of `space` in which none of `spared` runs out.

    ``None`` for a space of which no flag is known to take memory.
    """
    rng = random.Random(f"short-memory-{seed}")
    order, sample = memory_model(space.engine).order, sample_of(space, rng)
    steps = {name: _steps(order, name, sample) for name in (*order.grows, *order.sizes)}
    named = [name for name, amounts in steps.items() if len(amounts) > 1]
    if not named:
        return None
    drawn = (
        _drawn(rng, {name: steps[name] for name in named}, order, share, sample, spared)
        for _ in range(DRAWS)
    )
    return min(drawn, key=lambda one: abs(one.share - share))


def sample_of(space: Space, rng: random.Random, count: int = SAMPLE) -> list[Settings]:
    """Configs drawn evenly over every parameter's choices."""
    rows = ({p.name: rng.choice(p.choices) for p in space.parameters} for _ in range(count))
    return [to_settings(space, active_values(space, row)) for row in rows]


def _drawn(
    rng: random.Random,
    steps: Mapping[str, tuple[float, ...]],
    order: MemoryOrder,
    share: float,
    sample: Sequence[Settings],
    spared: Sequence[Settings],
) -> ShortMemory:
    weights = {name: rng.expovariate(1.0) for name in steps}
    open_ended = ShortMemory(weights, steps, order.sizes, limit=0.0, share=0.0)
    asked = sorted(open_ended.asked(settings) for settings in sample)
    wanted = asked[min(len(asked) - 1, int(len(asked) * (1 - share)))]
    limit = max([wanted, *(open_ended.asked(settings) for settings in spared)])
    found = sum(one > limit for one in asked) / len(asked)
    return ShortMemory(weights, steps, order.sizes, limit, found)


def _steps(order: MemoryOrder, name: str, sample: Sequence[Settings]) -> tuple[float, ...]:
    sizes = order.sizes.get(name)
    amounts = {_amount(sizes, settings.get(name)) for settings in sample}
    return tuple(sorted(amount for amount in amounts if amount is not None))


def _amount(sizes: Mapping[str, float] | None, value: Setting | None) -> float | None:
    """The number, or what a word stands for; ``None`` where it is left to the engine."""
    if sizes is not None:
        return sizes.get(str(value).lower())
    number = float(value) if isinstance(value, int | float) else 0.0
    return number if number > 0 else None
