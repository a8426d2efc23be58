"""Random search of equal engine-time over what a finished study measured.

The study's own trials are the pool. A random search begins with the default and then takes the
others in an order drawn by chance, each replayed whole and charged in full, until the engine-time
that the study's search took is used up; that is done many times over.

**It can tell** whether the order in which the study tried things, and leaving trials early, was
worth anything: where chance is as good over the same pool in the same time, it was not. **It cannot
tell** what chance would have found among configurations that the study never measured. As a search
measures mostly what looks good, its pool is better than chance's own would be: the baseline is
flattered, and its chance an upper bound. Each value is what the study measured, noise and all.
"""

from __future__ import annotations

import math
import random
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.errors import UserError
from autotune.search.ledger import COMPLETE, INFEASIBLE, STOPPED, arm_name
from autotune.search.planned import DEFAULT
from autotune.search.steadiness import beside_s
from autotune.strategies.shares import NEVER, middle
from autotune.study.folder import StudyFolder

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

DRAWS = 2_000
PLACES = 80
SAME = 0.02
"""Within this of the study's best, chance has found as much."""


@dataclass(frozen=True, slots=True)
class Look:
    """One trial: `own_s` is what it took, `whole_s` what it takes replayed to its end."""

    key: str
    value: float | None
    own_s: float
    whole_s: float
    is_default: bool
    is_whole: bool


@dataclass(frozen=True, slots=True)
class Config:
    """Of the pool: its value in seconds, ``None`` where it failed, and a whole trial's cost."""

    value: float | None
    whole_s: float


@dataclass(frozen=True, slots=True)
class Moment:
    """The best value by then: the study's, and the quarters of the random searches'."""

    engine_s: float
    study: float | None
    low: float | None
    median: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Baseline:
    """A finished study beside chance. Values are in seconds of the objective.

    Attributes:
        engine_s: of the study's search: its trials and anchors, not its confirmation.
        configs: how many different ones the pool has.
        chance: how often chance found one within `SAME` of the study's best, or better.
        random_configs: how many a random search measured, at the median.
    """

    study: str
    engine_s: float
    trials: int
    configs: int
    default: float
    best: float
    random_low: float
    random_best: float
    random_high: float
    chance: float
    random_configs: float
    moments: tuple[Moment, ...]


def random_baseline(folder: StudyFolder, seed: int = 0, draws: int = DRAWS) -> Baseline:
    """Of the study in `folder`. Raises `UserError` where it is none, or has no measured default."""
    folder.read_provenance()
    looks = looks_of(folder)
    beside = beside_s(folder.read_turns())
    return baseline_of(folder.name, looks, beside, seed=seed, draws=draws)


def baseline_of(
    study: str, looks: Sequence[Look], beside: float, *, seed: int = 0, draws: int = DRAWS
) -> Baseline:
    """The same from the looks; `beside` is what anchors took, which belongs to no trial.

    Raises `UserError` without a measured default.
    """
    default = next((x for x in looks if x.is_default and x.value is not None), None)
    if default is None or default.value is None:
        raise UserError(
            f"study {study} has not measured its default", "let 'autotune run' go on with it first"
        )
    pool = pool_of(looks)
    engine_s = sum(x.own_s for x in looks) + beside
    others = [config for key, config in pool.items() if key != default.key]
    rng = random.Random(seed)
    runs = [_random_run(pool[default.key], others, engine_s, rng) for _ in range(draws)]
    ends = [run[-1][1] for run in runs]
    own = _own_run(looks, engine_s)
    return Baseline(
        study=study,
        engine_s=engine_s,
        trials=len(looks),
        configs=len(pool),
        default=default.value,
        best=own[-1][1],
        random_low=middle(ends, 0.25) or math.nan,
        random_best=middle(ends) or math.nan,
        random_high=middle(ends, 0.75) or math.nan,
        chance=sum(end <= own[-1][1] * (1 + SAME) for end in ends) / len(ends),
        random_configs=statistics.median(len(run) for run in runs),
        moments=tuple(_moments(own, runs, engine_s)),
    )


Run = list[tuple[float, float]]
"""(engine-seconds, best value by then) of one search, a row a trial."""


def pool_of(looks: Sequence[Look]) -> dict[str, Config]:
    """Every configuration once: by its whole trials where it has any, else by what was guessed."""
    by_key: dict[str, list[Look]] = {}
    for look in looks:
        by_key.setdefault(look.key, []).append(look)
    return {key: _config(rows) for key, rows in by_key.items()}


def _config(rows: Sequence[Look]) -> Config:
    best = [r for r in rows if r.is_whole] or [r for r in rows if r.value is not None] or rows
    values = [r.value for r in best if r.value is not None]
    value = statistics.median(values) if values else None
    return Config(value, statistics.median(r.whole_s for r in best))


def _random_run(
    default: Config, others: Sequence[Config], engine_s: float, rng: random.Random
) -> Run:
    """The default, then the others by chance, as long as a whole trial still ends in time."""
    assert default.value is not None
    at_s, best = default.whole_s, default.value
    run = [(at_s, best)]
    for config in rng.sample(others, len(others)):
        at_s += config.whole_s
        if at_s > engine_s:
            break
        best = best if config.value is None else min(best, config.value)
        run.append((at_s, best))
    return run


def _own_run(looks: Sequence[Look], engine_s: float) -> Run:
    """The study's own: the best of its whole trials by then; anchors are spread over all trials."""
    stretch = engine_s / sum(look.own_s for look in looks)
    at_s, run = 0.0, []
    seen: dict[str, list[float]] = {}
    for look in looks:
        at_s += look.own_s * stretch
        if look.is_whole and look.value is not None:
            seen.setdefault(look.key, []).append(look.value)
        if seen:
            run.append((at_s, min(statistics.median(values) for values in seen.values())))
    return run


def _moments(own: Run, runs: Sequence[Run], engine_s: float) -> list[Moment]:
    found = []
    for place in range(PLACES + 1):
        at_s = engine_s * place / PLACES
        values = [_at(run, at_s) for run in runs]
        mine = _at(own, at_s)
        found.append(
            Moment(
                at_s,
                None if mine == NEVER else mine,
                middle(values, 0.25),
                middle(values),
                middle(values, 0.75),
            )
        )
    return found


def _at(run: Run, at_s: float) -> float:
    return next((value for when, value in reversed(run) if when <= at_s + 1e-9), NEVER)


def looks_of(folder: StudyFolder) -> list[Look]:
    """The trials of a study that were launched, in order."""
    from autotune.study.storage import load_trials

    done = Counter(r.arm for r in folder.read_turns() if r.block == 0)
    trials = [t for t in load_trials(folder) if t.user_attrs.get("outcome") in _LAUNCHED]
    most = max((done[arm_name(t.number)] for t in trials), default=0)
    return [_look(t, done[arm_name(t.number)] / most if most else 1.0) for t in trials]


_LAUNCHED = {COMPLETE, STOPPED, INFEASIBLE}


def _look(trial: FrozenTrial, reached: float) -> Look:
    attrs = trial.user_attrs
    seconds, outcome = attrs.get("seconds", {}), attrs["outcome"]
    own_s, replay_s = sum(seconds.values()), seconds.get("replay_s", 0.0)
    early = outcome == STOPPED and 0.0 < reached < 1.0
    whole_s = own_s - replay_s + replay_s / reached if early else own_s
    return Look(
        key=attrs.get("key", str(trial.number)),
        value=attrs.get("value"),
        own_s=own_s,
        whole_s=whole_s,
        is_default=attrs.get("label") == DEFAULT,
        is_whole=outcome == COMPLETE,
    )
