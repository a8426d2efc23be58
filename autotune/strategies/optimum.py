"""The least that can be reached on a source, without noise: what regret is counted from."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

from autotune.candidate import Candidate
from autotune.search.space import to_settings
from autotune.search.suggest import active_values
from autotune.strategies.seam import Values
from autotune.strategies.sources import Truth
from autotune.strategies.whole import draw, every

WHOLE_SPACE = 3_000
"""Combinations up to which all of the space is looked at."""

CHANCES = 6
"""Places drawn by chance that the climb begins at, besides the default and the starts."""


def optimum_of(truth: Truth) -> float:
    """Seconds of the best configuration that runs; ``inf`` where none does.

    All of a small space is looked at. In a large one it is the best of several climbs, one flag at
    a time to any of its values: a lower one may be hidden, so whoever finds one must take that.
    """
    if truth.setup.space.size <= WHOLE_SPACE:
        return min((_worth(truth, values) for values in every(truth.setup.space)), default=math.inf)
    return min(climb(truth, values) for values in _begun(truth))


def climb(truth: Truth, values: Values) -> float:
    """Where changing one flag helps no more."""
    space = truth.setup.space
    now, before = _worth(truth, values), math.nan
    while now != before:
        before = now
        for parameter in space.parameters:
            for choice in parameter.choices if parameter.name in values else ():
                other = active_values(space, {**values, parameter.name: choice})
                if (found := _worth(truth, other)) < now * (1 - 1e-9):
                    now, values = found, other
    return now


def _begun(truth: Truth) -> Iterator[Values]:
    space = truth.setup.space
    yield active_values(space, {})
    for start in space.starts:
        yield active_values(space, dict(start.settings))
    rng = random.Random(1)
    for _ in range(CHANCES):
        yield draw(truth.setup, rng)


def _worth(truth: Truth, values: Values) -> float:
    settings = to_settings(truth.setup.space, values)
    if truth.setup.feasibility.refusal(Candidate(settings)) is not None:
        return math.inf
    value = truth.searched(settings)
    return math.inf if value is None else value
