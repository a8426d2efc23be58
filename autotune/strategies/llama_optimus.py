"""A search in the stages of llama-optimus 0.1.9 (``core.py: run_optimization``).

**Faithful.** Three stages with a sampler of their own each, none of which knows the others' trials:
TPE (multivariate) over the numbers at the words' defaults; a grid over the words, in random order,
at the numbers of the first stage's best; TPE over both again. What is recommended at the end has
the numbers of the third stage's best and the words of the second's, as the command that it prints.
45 trials a stage, its default. A trial that fails is worth 0 tokens a second, and the sampler
learns that number. The defaults are not measured first, equal settings are measured again, no value
is measured twice on purpose, and the best single value wins. As `llama_optimus_own` it makes its
own metric small, seconds per generated token (``tg``, its default).

**Given to it.** The measurer's turns in place of ``llama-bench`` with 192 tokens on an empty
context, so that it sees depth and prefixes; every parameter of the space and not its own six (what
has an order is a number, the rest are words); the study's own objective, unless it is
`llama_optimus_own`; refusals by feasibility, which cost it nothing and count as trials. A grid
larger than a stage is left after as many trials.
"""

from __future__ import annotations

import math
import random
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.space import Space, holds
from autotune.search.suggest import active_values
from autotune.strategies.plain import quiet_study
from autotune.strategies.seam import Asked, Pick, Setup, Values
from autotune.strategies.whole import Whole
from autotune.trial.measurement import Measurement

if TYPE_CHECKING:
    from optuna import Trial

TRIALS = 45
"""Of a stage: its ``--trials``."""

FAILED = 0.0
"""What it tells its sampler of a trial that failed."""


def llama_optimus(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """Its stages on the study's own objective."""
    yield from _Stages(Whole(setup, asked), asked.seed).run()


def llama_optimus_own(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """Its stages on its own metric: how fast tokens are generated, over all turns."""
    yield from _Stages(Whole(setup, asked, worth=seconds_per_token), asked.seed).run()


def seconds_per_token(measured: Measurement) -> float | None:
    """Seconds of decoding per token over every turn; ``None`` where nothing was generated."""
    seconds = tokens = 0.0
    for record in measured.records:
        if record.ok and record.decode_tps and record.output_tokens:
            seconds += (record.output_tokens - 1) / record.decode_tps
            tokens += record.output_tokens - 1
    return seconds / tokens if tokens else None


@dataclass(slots=True)
class _Stages:
    """One search. `_best` is a stage's fastest trial: how fast, and its values."""

    bench: Whole
    seed: int
    _best: tuple[float, Values] = (-1.0, {})

    def run(self) -> Iterator[Pick]:
        yield self.bench.now
        numbers, words = numbers_and_words(self.bench.setup.space)
        yield from self._tpe(numbers, stage=1)
        first = _only(self._best[1], numbers)
        yield from self._grid(words, first)
        second = _only(self._best[1], words)
        yield from self._tpe([*numbers, *words], stage=3)
        if not self.bench.is_over:
            third = _only(self._best[1], numbers)
            both = active_values(self.bench.setup.space, {**second, **third})
            self.bench.best = self.bench.candidate(both).settings
            yield self.bench.now

    def _tpe(self, free: Sequence[str], *, stage: int) -> Iterator[Pick]:
        """A study of its own over the parameters `free`, the others at their defaults."""
        import optuna

        seed = 4 * self.seed + stage
        study = quiet_study(optuna.samplers.TPESampler(multivariate=True, seed=seed))
        self._best = (-1.0, {})
        for _ in range(TRIALS if free else 0):
            if self.bench.is_over:
                return
            trial = study.ask()
            values = _suggested(trial, self.bench.setup.space, free)
            study.tell(trial, -self._speed(values))
            yield self.bench.now

    def _grid(self, words: Sequence[str], numbers: Values) -> Iterator[Pick]:
        """Every combination of `words`, in random order, at the same `numbers`."""
        space = self.bench.setup.space
        self._best = (-1.0, {})
        for point in grid_points(space, words, random.Random(f"grid|{self.seed}"), TRIALS):
            if self.bench.is_over:
                return
            self._speed(active_values(space, {**numbers, **point}))
            yield self.bench.now

    def _speed(self, values: Values) -> float:
        """What a trial is worth to the sampler: the more, the better."""
        candidate = self.bench.candidate(values)
        value = None if self.bench.refuses(candidate) else self.bench.measure(candidate)
        speed = 1.0 / value if value else FAILED
        self._best = max(self._best, (speed, values), key=lambda pair: pair[0])
        return speed


def numbers_and_words(space: Space) -> tuple[list[str], list[str]]:
    """Names of the parameters that have an order, and of the others."""
    numbers = [p.name for p in space.parameters if p.ordered]
    return numbers, [p.name for p in space.parameters if not p.ordered]


def grid_points(
    space: Space, names: Sequence[str], rng: random.Random, most: int
) -> Iterator[dict[str, Setting]]:
    """At most `most` combinations of the choices of `names`, none twice, in random order."""
    choices = [space.parameter(name).choices for name in names]
    total = math.prod(len(each) for each in choices)
    for number in rng.sample(range(total), min(total, most)) if names else ():
        point: dict[str, Setting] = {}
        for name, each in zip(names, choices, strict=True):
            number, at = divmod(number, len(each))
            point[name] = each[at]
        yield point


def _suggested(trial: Trial, space: Space, free: Collection[str]) -> Values:
    """Drawn for the parameters `free` that apply, the default for the others that do."""
    values: dict[str, Setting] = {}
    for parameter in space.parameters:
        if not holds(parameter.requires, {**space.fixed, **values}):
            continue
        name, choices = parameter.name, parameter.choices
        chosen = trial.suggest_categorical(name, choices) if name in free else parameter.default
        if chosen is not None:  # no choice is None, but Optuna's type allows it
            values[name] = chosen
    return values


def _only(values: Values, names: Collection[str]) -> dict[str, Setting]:
    return {name: value for name, value in values.items() if name in names}
