"""A space as tables of numbers: how much is known of each value of a parameter before any trial.

Every value is a level. Level 0 is "as the engine does by itself": the default, and also a flag
whose condition does not hold. The tables give, for each parameter, the mean effect of a level on
the logarithm of the time against level 0, and how the effects of two levels go together.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.space import Parameter, Space, holds

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Codes = NDArray[np.intp]

DEVIATION = 0.04
"""How far one flag that is changed moves the log of the time, as a standard deviation, where its
concept says nothing else."""

BY_CONCEPT: Mapping[str, float] = {
    "speculation": 0.30,
    "cache slots": 0.08,
    "batch size": 0.05,
    "threads": 0.05,
    "quantization": 0.06,
}
"""What is known before any trial of how much the flags of a concept decide. A scale and no claim:
it is stretched to what the study measures (`surrogate.STRETCH`)."""

ON_GPU: Mapping[str, float] = {"threads": 0.01}
"""Instead, where a GPU computes and the processor waits for it."""

ON_PROCESSOR: Mapping[str, float] = {"speculation": 0.20, "flash attention": 0.10}
"""Instead, where there is none: a drafted token costs nearly what a generated one does, and which
kernel of attention is faster is open."""

DETAIL = 0.15
"""Of its concept's deviation, for a flag that says how something is done that is off by default."""

HARM = 0.015
"""Log time by which a change is expected to be slower. Defaults are chosen well."""

HARM_BY_CONCEPT: Mapping[str, float] = {"offload": 0.1}
"""Where leaving the default means to leave the GPU."""

ALIKE = 0.8
"""How much of the effect of one word is expected of another one: both are not the default."""


@dataclass(frozen=True, slots=True)
class Levels:
    """The levels of every parameter of `space`. `tables[p]` is levels x levels, `means[p]` levels,
    `deviations[p]` the scale of parameter ``p``, in log time; the order is the space's."""

    space: Space
    index: Sequence[Mapping[Setting, int]]
    tables: Sequence[Floats]
    means: Sequence[Floats]
    deviations: Sequence[float]

    def codes(self, rows: Sequence[Mapping[str, Setting]]) -> Codes:
        """Parameter values as levels, rows x parameters. A value that is not known is level 0."""
        import numpy as np

        found = np.zeros((len(rows), len(self.index)), dtype=np.intp)
        for at, values in enumerate(rows):
            for p, parameter in enumerate(self.space.parameters):
                if parameter.name in values:
                    found[at, p] = self.index[p].get(_word(values[parameter.name]), 0)
        return found


def levels_of(
    space: Space, deviations: Mapping[str, float] | None = None, *, gpu: bool = False
) -> Levels:
    """The levels of `space`; `deviations` by parameter's name go before those by concept."""
    known = deviations or {}
    scales = [known.get(p.name, deviation_of(p, space, gpu=gpu)) for p in space.parameters]
    index = [_index(p) for p in space.parameters]
    spans = [_spans(p, at) for p, at in zip(space.parameters, index, strict=True)]
    return Levels(
        space=space,
        index=index,
        tables=[_table(p, s, d) for p, s, d in zip(space.parameters, spans, scales, strict=True)],
        means=[_means(p, s) for p, s in zip(space.parameters, spans, strict=True)],
        deviations=scales,
    )


def deviation_of(parameter: Parameter, space: Space, *, gpu: bool = False) -> float:
    """The scale of a parameter's effect by what its concept is, in log time."""
    here = ON_GPU if gpu else ON_PROCESSOR
    scale = here.get(parameter.concept, BY_CONCEPT.get(parameter.concept, DEVIATION))
    is_at_work = holds(parameter.requires, {**space.fixed, **space.defaults})
    return scale if is_at_work else DETAIL * scale


def _index(parameter: Parameter) -> dict[Setting, int]:
    """Level by value: 0 for the default, then the others in their order."""
    others = [c for c in parameter.choices if _word(c) != _word(parameter.default)]
    return {_word(parameter.default): 0, **{_word(c): at + 1 for at, c in enumerate(others)}}


def _word(value: Setting) -> Setting:
    """``True`` and ``1`` are different settings, and equal in Python."""
    return str(value).lower() if isinstance(value, bool) else value


def _is_walk(parameter: Parameter) -> bool:
    """Whether its values are numbers in order; words are not near to each other."""
    values = [*parameter.choices, parameter.default]
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) for v in values)
    return parameter.ordered and numbers


def _spans(parameter: Parameter, index: Mapping[Setting, int]) -> list[float]:
    """Steps from the default by level: below it negative; 1 for every other word."""
    if not _is_walk(parameter):
        return [0.0] + [1.0] * (len(index) - 1)
    places = {value: at for at, value in enumerate(sorted(float(v) for v in index))}
    start = places[float(next(iter(index)))]
    return [float(places[float(v)] - start) for v in index]


def _table(parameter: Parameter, spans: Sequence[float], deviation: float) -> Floats:
    """Covariance of the effects of two levels.

    Of an ordered parameter they add up step by step from the default (Brownian motion): the way to
    a far value goes through the near one, and the two sides tell nothing of each other.
    """
    import numpy as np

    if not _is_walk(parameter):
        table = np.full((len(spans), len(spans)), ALIKE) + (1.0 - ALIKE) * np.eye(len(spans))
        table[0, :] = table[:, 0] = 0.0
    else:
        at = np.array(spans)
        same_side = np.multiply.outer(at, at) > 0
        table = np.where(same_side, np.minimum.outer(abs(at), abs(at)), 0.0)
    found: Floats = table * deviation**2
    return found


def _means(parameter: Parameter, spans: Sequence[float]) -> Floats:
    import numpy as np

    harm = HARM_BY_CONCEPT.get(parameter.concept, HARM)
    return np.array([harm * math.sqrt(abs(span)) for span in spans])
