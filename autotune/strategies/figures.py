"""What searches of the same source and budget come to, strategy by strategy.

**Regret** is the true value of the recommendation over the optimum, less 1: 0.05 is 5% slower than
the best there is. **Reached** is when it first was at most `WITHIN`. A search that never got there
counts as later than any, so a median is ``None`` where half of them did not. In a ratio of medians
it counts with the whole budget, which flatters whoever did not arrive: such a ratio is a bound.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotune.scoring.quantile import quantile
from autotune.strategies.cells import Cell, Result
from autotune.strategies.shares import NEVER, middle, upper
from autotune.strategies.sources import Source
from autotune.strategies.table import OURS

WITHIN = 0.05
CONFIDENCE = 0.95
RESAMPLES = 2_000


@dataclass(frozen=True, slots=True)
class Group:
    """Searches of one source under one budget: results by strategy, in the order of seeds.

    `noise` is what it is called there. `optimum` and `default` are true values in seconds, `floor`
    is the noise floor as a log-ratio; `default_held` is the default's on the sessions of the
    confirmation.
    """

    source: Source
    noise: str
    budget_s: float
    trial_s: float
    optimum: float
    default: float | None
    default_held: float | None
    floor: float
    results: Mapping[str, Sequence[Result]]

    @property
    def default_regret(self) -> float | None:
        """What is lost by not tuning."""
        return regret(self.default, self.optimum)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """One strategy in one group. Seconds are engine-seconds; ``None`` where most never arrived.

    Attributes:
        reach_p50_s, reach_p95_s: to come within `WITHIN` of the optimum.
        never: the share of searches that did not, within the budget.
        ratio, ratio_low, ratio_high: the median reach of ours over this one's, with the interval of
            a bootstrap over seeds; ``None`` of ours itself, without it, and where most of ours
            never arrived.
        at_most: most of this one's never arrived, so the ratio is no more than that.
        found_regret, final_regret: medians of what led at the end of the search, and of the
            recommendation.
        final_p95: the 95th percentile of the recommendation's regret; ``None`` for none.
        kept_default: how many ended with the engine's defaults.
        worse: how many ended with what is slower than the default by more than the floor, on the
            sessions of the confirmation, or does not run.
        worst: the largest ratio of the recommendation's time to the default's there.
        trials, wall_s: medians.
    """

    strategy: str
    searches: int
    reach_p50_s: float | None
    reach_p95_s: float | None
    never: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    at_most: bool
    found_regret: float | None
    final_regret: float | None
    final_p95: float | None
    kept_default: int
    worse: int
    worst: float | None
    trials: float
    wall_s: float


def figures(group: Group) -> list[Figures]:
    """A row a strategy, in the group's order."""
    return [_row(group, name) for name in group.results]


def _row(group: Group, name: str) -> Figures:
    results = group.results[name]
    reached = [reach_s(r, group.optimum) for r in results]
    ratio, low, high = _ratio(group, name)
    finals = [_or_never(regret(r.final, group.optimum)) for r in results]
    held = [_or_never(slower(r.held_out, group.default_held)) for r in results]
    return Figures(
        strategy=name,
        searches=len(results),
        reach_p50_s=middle(reached),
        reach_p95_s=upper(reached, 0.95),
        never=sum(s == NEVER for s in reached) / len(reached),
        ratio=ratio,
        ratio_low=low,
        ratio_high=high,
        at_most=ratio is not None and middle(reached) is None,
        found_regret=middle([_or_never(regret(r.found, group.optimum)) for r in results]),
        final_regret=middle(finals),
        final_p95=upper(finals, 0.95),
        kept_default=sum(not r.changes for r in results),
        worse=sum(math.log(x) > group.floor + 1e-9 for x in held),
        worst=upper(held, 1.0),
        trials=quantile([float(r.trials) for r in results], 0.5),
        wall_s=quantile([r.wall_s for r in results], 0.5),
    )


def regret(value: float | None, optimum: float) -> float | None:
    """0 at the optimum; ``None`` for a config that does not run."""
    return None if value is None else max(0.0, value / optimum - 1.0)


def reach_s(result: Result, optimum: float, within: float = WITHIN) -> float:
    """When the recommendation first was within `within` of the optimum; `NEVER` else."""
    for step in result.steps:
        lost = regret(step.value, optimum)
        if lost is not None and lost <= within:
            return step.engine_s
    return NEVER


def slower(value: float | None, default: float | None) -> float | None:
    """By what factor a config is slower than the default; ``None`` for one that does not run."""
    if value is None:
        return None
    return 1.0 if default is None else value / default


def least_seen(results: Sequence[Result]) -> float:
    """The best true value that any of these searches ever recommended."""
    return min(
        (s.value for result in results for s in result.steps if s.value is not None),
        default=math.inf,
    )


def grouped(results: Mapping[Cell, Result]) -> dict[tuple[Source, float], dict[str, list[Result]]]:
    """Results by source and budget, then by strategy, in the order of cells."""
    found: dict[tuple[Source, float], dict[str, list[Result]]] = {}
    for cell, result in results.items():
        rows = found.setdefault((cell.source, cell.budget_s), {})
        rows.setdefault(cell.strategy, []).append(result)
    return found


def _ratio(group: Group, name: str) -> tuple[float | None, float | None, float | None]:
    """Median reach of ours over that of `name`, and its interval: seeds are drawn as pairs."""
    if name == OURS or OURS not in group.results:
        return None, None, None
    reached = [reach_s(r, group.optimum) for r in group.results[OURS]]
    if middle(reached) is None:
        return None, None, None
    mine = [min(s, group.budget_s) for s in reached]
    other = [min(reach_s(r, group.optimum), group.budget_s) for r in group.results[name]]
    pairs = list(zip(mine, other, strict=False))
    rng = random.Random(f"{group.source.name}|{name}|{group.budget_s}")
    drawn = [_of_medians(rng.choices(pairs, k=len(pairs))) for _ in range(RESAMPLES)]
    tail = (1 - CONFIDENCE) / 2
    return _of_medians(pairs), quantile(drawn, tail), quantile(drawn, 1 - tail)


def _of_medians(pairs: Sequence[tuple[float, float]]) -> float:
    mine, other = (quantile([pair[at] for pair in pairs], 0.5) for at in (0, 1))
    return mine / other if other > 0 else 1.0


def _or_never(value: float | None) -> float:
    return NEVER if value is None else value
