"""Optuna's side of a search space: distributions, suggestions, and the sampler."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.space import Space, holds

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
            chosen = trial.suggest_categorical(parameter.name, parameter.choices)
            if chosen is not None:  # no choice is None, but Optuna's type allows it
                values[parameter.name] = chosen
    return values


def active_values(space: Space, wanted: dict[str, Setting]) -> dict[str, Setting]:
    """`wanted` over the defaults, less what does not apply: what `enqueue_trial` needs."""
    values: dict[str, Setting] = {}
    for parameter in space.parameters:
        if holds(parameter.requires, {**space.fixed, **values}):
            values[parameter.name] = wanted.get(parameter.name, parameter.default)
    return values


def make_sampler(seed: int) -> BaseSampler:
    """TPE over groups of parameters that apply together, seeded, with failures as constraints.

    One worker a study, so no constant liar: it would only keep away from trials that died.
    """
    import optuna

    with warnings.catch_warnings():
        # `group` is marked experimental; without it, flags under a condition are drawn blindly.
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.samplers.TPESampler(
            seed=seed,
            multivariate=True,
            group=True,
            constant_liar=False,
            n_startup_trials=STARTUP_TRIALS,
        )


def make_gp_sampler(seed: int) -> BaseSampler:
    """A Gaussian process over all parameters. Raises ``ImportError`` without the extra ``gp``."""
    import optuna

    return optuna.samplers.GPSampler(
        seed=seed, n_startup_trials=STARTUP_TRIALS, deterministic_objective=False
    )


def draw_seed(seed: int, drawn: int) -> int:
    """The seed of the sampler for one draw, by how many trials there were before it."""
    return (seed * 1_000_003 + drawn) % 2**31
