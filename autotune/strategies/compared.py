"""Strategies x sources x budgets x seeds: from what is asked to groups of results."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from autotune.strategies.cells import Cell, Result, Shelf, code_digest
from autotune.strategies.figures import Group, grouped, least_seen
from autotune.strategies.optimum import optimum_of
from autotune.strategies.runner import Watch, run_cells
from autotune.strategies.sources import Source, digest_of, floor_of, truth_of
from autotune.study.files import read_json, write_json


@dataclass(frozen=True, slots=True)
class EngineTime:
    """A budget: in engine-seconds, or as long as so many whole trials of the default take."""

    seconds: float | None = None
    trials: float | None = None

    def of(self, source: Source) -> float:
        """Engine-seconds on `source`."""
        if self.seconds is not None:
            return self.seconds
        return round((self.trials or 0.0) * truth_of(source).trial_s(), 1)


USUAL_BUDGET = EngineTime(trials=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """What is asked."""

    sources: Sequence[Source]
    strategies: Sequence[str]
    noise: str
    seeds: int
    budgets: Sequence[EngineTime] = (USUAL_BUDGET,)

    def cells(self) -> Iterator[Cell]:
        """Every search, source by source, seed by seed."""
        for source in self.sources:
            for seconds in dict.fromkeys(budget.of(source) for budget in self.budgets):
                for seed in range(self.seeds):
                    for strategy in self.strategies:
                        yield Cell(source, strategy, self.noise, seconds, seed)


def compare_strategies(asked: Comparison, folder: Path, *, jobs: int, watch: Watch) -> list[Group]:
    """Search, and group; what is finished in `folder` is kept and not done again.

    Raises `UserError` for a source that cannot be read.
    """
    digests = {source.name: digest_of(source) for source in asked.sources}
    shelf = Shelf(folder / "searches.jsonl", code_digest(), digests)
    optima = {s: known_optimum(s, folder, digests[s.name], watch) for s in asked.sources}
    results = run_cells(list(asked.cells()), jobs, shelf, watch)
    return groups_of(asked.noise, results, optima)


def groups_of(
    noise: str, results: Mapping[Cell, Result], optima: Mapping[Source, float]
) -> list[Group]:
    """Results as groups. The optimum is what was climbed to, or what any search found below it."""
    seen = {
        source: least_seen([r for cell, r in results.items() if cell.source == source])
        for source in optima
    }
    return [
        _group(source, noise, budget_s, min(optima[source], seen[source]), rows)
        for (source, budget_s), rows in grouped(results).items()
    ]


def _group(
    source: Source,
    noise: str,
    budget_s: float,
    optimum: float,
    rows: Mapping[str, Sequence[Result]],
) -> Group:
    truth = truth_of(source)
    return Group(
        source=source,
        noise=source.noise_called(noise),
        budget_s=budget_s,
        trial_s=truth.trial_s(),
        optimum=optimum,
        default=truth.searched(truth.default),
        default_held=truth.held_out(truth.default),
        floor=floor_of(source, noise),
        results=rows,
    )


def known_optimum(source: Source, folder: Path, digest: str, watch: Watch) -> float:
    """`optimum_of`, kept in `folder`: a climb takes a minute."""
    path = folder / "optima.json"
    kept = read_json(path) or {}
    key = json.dumps([source.name, digest, code_digest()])
    if key not in kept:
        watch.note(f"looking for the optimum of {source.name}")
        kept[key] = optimum_of(truth_of(source))
        write_json(path, kept)
    return float(kept[key])
