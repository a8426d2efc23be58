"""Optuna's side of a search space: distributions, suggestions, and the sampler."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.space import Parameter, Space, holds

if TYPE_CHECKING:
    from optuna import Trial
    from optuna.samplers import BaseSampler

STARTUP_TRIALS = 8
"""Random trials before TPE models anything; the enqueued starts count among them."""


def suggest(trial: Trial, space: Space) -> dict[str, Setting]:
    """One value for every parameter whose condition holds, parents first."""
    values: dict[str, Setting] = {}
    for parameter in space.parameters:
        if holds(parameter.requires, {**space.fixed, **values}):
            values[parameter.name] = trial.suggest_categorical(parameter.name, parameter.choices)
    return values


def active_values(space: Space, wanted: dict[str, Setting]) -> dict[str, Setting]:
    """`wanted` over the defaults, less what does not apply: what `enqueue_trial` needs."""
    values: dict[str, Setting] = {}
    for parameter in space.parameters:
        if holds(parameter.requires, {**space.fixed, **values}):
            values[parameter.name] = wanted.get(parameter.name, parameter.default)
    return values


def make_sampler(space: Space, seed: int) -> BaseSampler:
    """TPE over groups of parameters that apply together, seeded, with failures as constraints.

    Choices in order are given a distance, so that what is learnt of 512 says something of 1024.
    Optuna's categorical kernel takes it: Parzen weights fall with the distance
    (``categorical_distance_func``, Optuna documentation of `TPESampler`).
    """
    import optuna

    distances = {p.name: _distance(p) for p in space.parameters if p.ordered}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            constant_liar=False,
            n_startup_trials=STARTUP_TRIALS,
            categorical_distance_func=distances,
        )


def _distance(parameter: Parameter) -> Callable[[Setting, Setting], float]:
    """Steps between two choices on a log scale; 0 counts as half the least positive choice."""
    positive = [float(v) for v in parameter.choices if float(v) > 0]
    floor = min(positive, default=1.0) / 2

    def place(value: Setting) -> float:
        return math.log2(max(float(value), floor))

    return lambda a, b: abs(place(a) - place(b))
