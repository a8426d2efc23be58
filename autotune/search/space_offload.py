"""A baseline for a model that the GPU does not hold whole: what stays on the host, and no more."""

from __future__ import annotations

from dataclasses import replace

from autotune.candidate import Candidate, Setting
from autotune.search.feasibility import Feasibility
from autotune.search.space import Parameter, Space, to_settings

OFFLOAD = ("n-cpu-moe", "n-gpu-layers")
"""Settings that leave layers on the host, what costs least first; choices likewise."""


def offload_that_fits(space: Space, feasibility: Feasibility) -> Space:
    """`space` with the first of `OFFLOAD` under which its defaults fit in memory as the default.

    As it is where they fit already, or never do. llama-server by itself moves layers too
    (``--fit``), which a measurement has to go without: what it measured would be unknown.
    """
    if _fits(space, {}, feasibility):
        return space
    for name in OFFLOAD:
        for parameter in space.parameters:
            choices = parameter.choices if parameter.name == name else ()
            fitting = [c for c in choices if _fits(space, {name: c}, feasibility)]
            if fitting:
                return _with_default(space, parameter, fitting[0])
    return space


def _fits(space: Space, changes: dict[str, Setting], feasibility: Feasibility) -> bool:
    settings = to_settings(space, {**space.defaults, **changes})
    return feasibility.refusal(Candidate(settings)) is None


def _with_default(space: Space, parameter: Parameter, default: Setting) -> Space:
    """The choices stay: more may fit beside a smaller cache."""
    changed = replace(parameter, default=default)
    parameters = tuple(changed if p is parameter else p for p in space.parameters)
    return replace(space, parameters=parameters)
