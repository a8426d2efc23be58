"""Who chooses the next trial: policies by name, each a function of what a study knows.

The default, the incumbent and second looks come before any of them (`queue`). Which policy is the
one in use was decided by figures: ``tests/benchmarks/policy_table.py`` prints them again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.candidate import Setting
from autotune.search.additive import by_surrogate, is_new
from autotune.search.known import Known
from autotune.search.levels import deviation_of
from autotune.search.planned import STEP, Planned
from autotune.search.proposals import singles
from autotune.search.steps import next_step
from autotune.search.suggest import active_values, make_gp_sampler, make_sampler

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler

STEPS_A_DRAW = 3
"""Steps from the best for each draw of the sampler: near gains first, far ones not forgotten."""


@dataclass(frozen=True, slots=True)
class Policy:
    """`plan` gives the next trial, or ``None`` for a draw of the sampler that `sampler` makes.

    A sampler is made anew for every draw, by a seed that the number of trials is part of: what it
    draws depends on the trials alone.
    """

    name: str
    about: str
    plan: Callable[[Known], Planned | None]
    sampler: Callable[[int], BaseSampler] = make_sampler


def by_starts(known: Known) -> Planned | None:
    """Each start of the space, laid over the best so far: flags act on each other."""
    tried = {entry.label for entry in known.ledger.entries}
    best: Mapping[str, Setting] = known.ledger.best.values if known.ledger.best else {}
    for start in known.space.starts:
        if start.name not in tried:
            values = active_values(known.space, {**best, **start.settings})
            return Planned(values, start.name)
    return None


def by_steps(known: Known) -> Planned | None:
    """The starts, then steps from the best to neighbouring values, with draws between them."""
    named = by_starts(known)
    best = known.ledger.best
    labels = [entry.label for entry in known.ledger.entries]
    steps = sum(label.startswith(STEP) for label in labels)
    if named is not None or best is None or steps >= STEPS_A_DRAW * (labels.count("") + 1):
        return named
    step = next_step(known.space, known.feasibility, known.ledger, best, known.seed)
    return None if step is None else Planned(step.values, STEP + step.name)


def by_stages(known: Known) -> Planned | None:
    """The starts, then one parameter after another, the likeliest to matter first: each of its
    values laid over the best so far, which is what a person does by hand."""
    named = by_starts(known)
    best = known.ledger.best
    if named is not None or best is None:
        return named
    tried = {entry.label for entry in known.ledger.entries}
    order = sorted(known.space.parameters, key=lambda p: -deviation_of(p, known.space))
    rank = {p.name: at for at, p in enumerate(order)}
    near = sorted(singles(known.space, best.values), key=lambda p: rank[_flag(p.label)])
    for proposal in near:
        if proposal.label not in tried and is_new(known, proposal.values):
            return Planned(proposal.values, proposal.label)
    return None


def by_sampler(_: Known) -> Planned | None:
    """Always a draw."""
    return None


def _flag(label: str) -> str:
    return label.removeprefix(STEP).partition(" ")[0]


POLICIES: Mapping[str, Policy] = {
    policy.name: policy
    for policy in (
        Policy("additive", "expected gain per engine-second by a surrogate", by_surrogate),
        Policy("steps", "starts, then steps from the best with draws of TPE between", by_steps),
        Policy("stages", "starts, then one parameter after another, then TPE", by_stages),
        Policy("tpe", "Optuna's TPE, multivariate, with constraints", by_sampler),
        Policy("starts-tpe", "starts, then Optuna's TPE", by_starts),
        Policy("gp", "Optuna's GPSampler (needs the extra `gp`)", by_sampler, make_gp_sampler),
        Policy("starts-gp", "starts, then Optuna's GPSampler", by_starts, make_gp_sampler),
    )
}

IN_USE = POLICIES["additive"]
