"""The strategies that everybody has: chance, the grid, and a sampler out of the box.

All three begin with the engine's defaults and measure whole trials. None of them measures a
configuration that feasibility refuses.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import TYPE_CHECKING

from autotune.candidate import Candidate
from autotune.search.suggest import suggest
from autotune.strategies.seam import Asked, Pick, Setup
from autotune.strategies.whole import Whole, draw, every

if TYPE_CHECKING:
    from optuna import Study, Trial
    from optuna.samplers import BaseSampler

MOST_IDLE = 20_000
"""Configurations in a row that are known or refused: by then nothing new is left to find."""

MOST_IDLE_DRAWS = 300
"""The same of a sampler's draws, each of which takes a while."""


def random_search(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """The defaults, then configurations drawn evenly, none of them twice."""
    rng = random.Random(f"random|{asked.seed}")
    bench = Whole(setup, asked)
    yield from _each(bench, (bench.candidate(draw(setup, rng)) for _ in iter(int, 1)))


def grid_order(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """The defaults, then the grid of the space in the order of its file; no chance in it."""
    bench = Whole(setup, asked)
    yield from _each(bench, (bench.candidate(values) for values in every(setup.space)))


def plain_tpe(setup: Setup, asked: Asked) -> Iterator[Pick]:
    """Optuna's TPE as it comes (multivariate since 5.0), every trial replayed whole.

    Out of the box it asks for the same configuration again and again once it has settled, and
    replays it each time; that is left as it is. Given to it: the defaults come first, what
    feasibility refuses is told without a launch, and failures are pruned, not failed, so that it
    keeps away from them.
    """
    import optuna

    bench = Whole(setup, asked)
    study = quiet_study(optuna.samplers.TPESampler(seed=asked.seed))
    study.enqueue_trial(dict(setup.space.defaults))
    yield bench.now
    idle = 0
    while not bench.is_over and idle < MOST_IDLE_DRAWS:
        trial = study.ask()
        candidate = bench.candidate(suggest(trial, setup.space))
        if bench.refuses(candidate):
            idle += 1
            tell(study, trial, None)
            continue
        idle = 0
        tell(study, trial, bench.measure(candidate))
        yield bench.now


def quiet_study(sampler: BaseSampler) -> Study:
    """A study in memory that says nothing; its value is made small."""
    import optuna

    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    return optuna.create_study(sampler=sampler)


def tell(study: Study, trial: Trial, value: float | None) -> None:
    """What became of `trial`; without a value it is pruned, which TPE takes for bad."""
    from optuna.trial import TrialState

    if value is None:
        study.tell(trial, state=TrialState.PRUNED)
    else:
        study.tell(trial, value)


def _each(bench: Whole, candidates: Iterable[Candidate]) -> Iterator[Pick]:
    """Measure the default and `candidates`, each once, while the budget lasts."""
    yield bench.now
    seen: set[str] = set()
    idle = 0
    for candidate in chain([Candidate(bench.default)], candidates):
        if bench.is_over or idle >= MOST_IDLE:
            return
        if candidate.key in seen or bench.refuses(candidate):
            idle += 1
            continue
        idle = 0
        seen.add(candidate.key)
        bench.measure(candidate)
        yield bench.now
