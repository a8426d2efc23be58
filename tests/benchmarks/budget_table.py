"""How well a run keeps its budget, and whether it stops too soon, on simulated machines.

    python tests/benchmarks/budget_table.py --seeds 5 --noise quiet --trials 20,60
    python tests/benchmarks/budget_table.py --recorded studies/factorial-llama-server-cpu

A run is all that `autotune run` does between the survey and the hold: search, anchors, what is
measured again, heat, confirmation. Budgets are in whole trials of the default. Of runs that ended
their search early it says how many trials that took, and how many left more to gain than the noise
floor; the share of the budget that they did not use is what stopping early saves.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import optuna

sys.path.insert(0, str(Path(__file__).parent))

from policy_table import all_names, recorded_task, simulated_task

from autotune.candidate import Candidate
from autotune.strategies.ours import Ours
from autotune.strategies.seam import Asked


@dataclass(frozen=True)
class Row:
    """Shares are of the budget; `left` and `floor` are log-ratios, `left` of the search's best."""

    setup: str
    budget: float
    used: float
    trials: int
    ended: bool
    left: float
    floor: float


def run_one(task: Any, trials: float, seed: int, early: bool) -> Row:
    """One run with a budget of so many whole trials."""
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    setup = task.make(seed)
    budget_s = trials * task.trial_s
    run = Ours(setup, Asked(budget_s=budget_s, seed=seed))
    run.search.stop_early = early
    began_s = setup.clock.now()
    list(run.run())
    best, ended = run.ledger.best, run.search.ended
    left = float("nan")
    if best is not None:
        left = task.truth(setup, Candidate(best.settings)) - task.optimum
    return Row(
        task.name, trials, (setup.clock.now() - began_s) / budget_s, len(run.ledger.measured),
        ended is not None, left, run.steady.anchors.floor_width,
    )  # fmt: skip


def rows_of(tasks: Sequence[Any], asked: argparse.Namespace) -> Iterator[Row]:
    """Every task, budget and seed."""
    for task in tasks:
        for trials in asked.trials:
            for seed in range(asked.seeds):
                yield run_one(task, trials, seed, not asked.no_early_stop)


def print_table(rows: Sequence[Row]) -> None:
    """One line a budget."""
    print("budget    runs  used: median  most  over 105%   ended early  after  left > floor  left")
    for budget in sorted({r.budget for r in rows}):
        mine = [r for r in rows if r.budget == budget]
        ended = [r for r in mine if r.ended]
        used = sorted(r.used for r in mine)
        late = sum(u > 1.05 for u in used)
        text = f"{budget:6.0f} {len(mine):7d} {statistics.median(used):13.0%} {used[-1]:5.0%}"
        text += f" {late:10d} {len(ended):13d}"
        if ended:
            far = sum(r.left > max(r.floor, FLOOR) for r in ended)
            after = statistics.median(r.trials for r in ended)
            left = statistics.median(r.left for r in ended)
            text += f" {after:6.0f} {far:10d} {far / len(ended):4.0%} {left:6.1%}"
        print(text)


FLOOR = 0.02


def _numbers(text: str) -> list[float]:
    return [float(number) for number in text.split(",")]


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--noise", default="quiet")
    parser.add_argument("--names", default="")
    parser.add_argument("--recorded", default="")
    parser.add_argument("--no-early-stop", action="store_true")
    parser.add_argument("--trials", type=_numbers, default=[20.0, 60.0])
    asked = parser.parse_args()
    if asked.recorded:
        tasks = [recorded_task(Path(asked.recorded), asked.noise)]
    else:
        names = asked.names.split(",") if asked.names else all_names("simulated", 0)
        tasks = [simulated_task(name, asked.noise) for name in names]
    rows = list(rows_of(tasks, asked))
    print_table(rows)


if __name__ == "__main__":
    main()
