"""What telling the worth of each change is worth: against the truth of simulated machines.

    python tests/benchmarks/needless_table.py --seeds 10
    python tests/benchmarks/needless_table.py --noise shared --names m1-max-llama-8b
    python tests/benchmarks/needless_table.py --recorded studies/factorial-llama-server-cpu

Every seed draws configs of a machine's space and takes the one that is truly the fastest. Its
changes are measured one by one, as after a search that knows nothing of them, on the whole plan and
with the machine's noise, and those that do nothing are dropped. ``covered`` is how many of the
intervals hold the true worth, ``half`` the median half-width, ``nothing`` how many changes are
truly worth less than 1%, ``dropped`` how many were, ``lost`` what the smaller config is truly
slower by at the most.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import threading
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ladder_table import drawn

from autotune.candidate import Candidate, Setting
from autotune.scoring.noise import METRICS
from autotune.search.budget import Budget
from autotune.search.change_groups import Group, groups_of, without_all
from autotune.search.confirm import Confirmation
from autotune.search.effects import Effect
from autotune.search.leave_one_out import STAGE, Costs, Planner, arms_of, effects_of
from autotune.search.ledger import COMPLETE, Entry
from autotune.search.needless import Bar, droppable
from autotune.search.space import to_settings
from autotune.search.suggest import active_values
from autotune.strategies.memory_log import MemoryTurnLog

DRAWS = 24
"""Configs of which the fastest is taken."""

FLOOR = math.log(1.03)
"""The noise floor that is reckoned with."""

TRULY_NOTHING = math.log(1.01)

NAMES = (
    "gb10-gpt-oss-120b", "4090-qwen-30b-a3b", "5090-gemma-27b", "m1-max-llama-8b", "cpu-llama-3b",
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """One finalist. Half-widths and `lost` are log-ratios."""

    setup: str
    seed: int
    changes: int
    told: int
    covered: int
    half: float
    nothing: int
    dropped: int
    lost: float


def setups(args: argparse.Namespace, seed: int) -> Iterator[tuple[str, Any, Any]]:
    """Each machine by its name, with its noise and without any."""
    if args.recorded is not None:
        from autotune.search.recorded_setup import recorded_setup

        yield (
            args.recorded.name,
            recorded_setup(args.recorded, seed),
            recorded_setup(args.recorded, seed, "none"),
        )
        return
    from autotune.simulated.machines import simulated_setup

    for name in args.names:
        yield name, simulated_setup(name, seed, args.noise), simulated_setup(name, seed, "none")


@dataclass
class Truth:
    """Seconds of a config without noise, by its key."""

    setup: Any
    known: dict[str, float]

    def of(self, values: dict[str, Setting]) -> float:
        """Infinite for one that does not run."""
        candidate = Candidate(to_settings(self.setup.space, values))
        if candidate.key not in self.known:
            self.known[candidate.key] = self._measured(candidate)
        return self.known[candidate.key]

    def _measured(self, candidate: Candidate) -> float:
        if self.setup.feasibility.refusal(candidate) is not None:
            return math.inf
        found = self.setup.measurer.measure(
            candidate, self.setup.search_plan, arm="truth", block=0, sink=lambda _: None
        )
        value = self.setup.judge.judge(found).value
        return math.inf if value is None else float(value)


def finalist(setup: Any, truth: Truth, seed: int) -> dict[str, Setting]:
    """The fastest of some drawn configs, each with the flags of two of them."""
    rng = random.Random(f"needless-{seed}")
    rows = []
    for _ in range(DRAWS):
        one, other = drawn(setup.space, rng), drawn(setup.space, rng)
        default = setup.space.defaults
        both = {n: v for values in (one, other) for n, v in values.items() if v != default[n]}
        rows.append(active_values(setup.space, both))
    return min(rows, key=truth.of)


def run_one(name: str, setup: Any, still: Any, seed: int) -> Row | None:
    """One finalist; ``None`` where it is no faster than the default, or changes one thing."""
    truth = Truth(still, {})
    values = finalist(setup, truth, seed)
    gain = math.log(truth.of(dict(setup.space.defaults)) / truth.of(values))
    groups = [g for g in groups_of(setup.space, values) if math.isfinite(truth.of(dict(g.without)))]
    bar = Bar.of(gain, FLOOR)
    if gain <= 0 or len(groups) < 2:
        return None
    found, dropped = measured(setup, values, groups, bar)
    worth = {g.name: math.log(truth.of(dict(g.without)) / truth.of(values)) for g in groups}
    bounds = {
        n: (math.log(e.low), math.log(e.high))
        for n, e in found.items()
        if e.low is not None and e.high is not None
    }
    smaller = without_all(setup.space, values, dropped)
    return Row(
        name, seed, len(groups), len(bounds),
        sum(low <= worth[n] <= high for n, (low, high) in bounds.items()),
        statistics.median([(high - low) / 2 for low, high in bounds.values()] or [math.inf]),
        sum(w <= TRULY_NOTHING for w in worth.values()), len(dropped),
        math.log(truth.of(smaller) / truth.of(values)),
    )  # fmt: skip


def measured(
    setup: Any, values: dict[str, Setting], groups: list[Group], bar: Bar
) -> tuple[dict[str, Effect], tuple[Group, ...]]:
    """The round, and what it drops."""
    settings = to_settings(setup.space, values)
    entry = Entry(
        1, Candidate(settings).key, COMPLETE, 1.0, "", settings, {}, {}, 1.0, None, None, values
    )
    planner = Planner(space=setup.space, entry=entry, groups=groups, bar=bar, known={})
    lot = planner.lot(Costs(left_s=None, short_s=1.0, whole_s=1.0))
    if lot is None:
        return {}, ()
    arms, lacks = arms_of(setup.space, entry, groups, lot)
    confirmed = Confirmation(
        plan=setup.search_plan, measurer=setup.measurer, judge=setup.judge,
        log=MemoryTurnLog(), listener=lambda _: None, round_name=STAGE, blocks=lot.blocks,
        budget=Budget(None, None, setup.clock, 0.0), seed=0, held_out=False,
        stop=threading.Event(), baseline=arms[0].name, stage=STAGE,
    ).run(arms)  # fmt: skip
    floor = dict.fromkeys(METRICS, FLOOR)
    found, together = effects_of(confirmed, arms[0].name, lacks, setup.judge, floor)
    return found, droppable(groups, found, together, bar)


def table(rows: list[Row]) -> str:
    """A line for each machine."""
    lines = ["machine | finalists | changes | covered | half | nothing | dropped | lost"]
    for name in dict.fromkeys(row.setup for row in rows):
        of = [row for row in rows if row.setup == name]
        told = sum(r.told for r in of)
        lines.append(
            f"{name} | {len(of)} | {sum(r.changes for r in of)} | "
            f"{sum(r.covered for r in of)} of {told} | "
            f"{math.expm1(statistics.median(r.half for r in of)):.1%} | "
            f"{sum(r.nothing for r in of)} | {sum(r.dropped for r in of)} | "
            f"{math.expm1(max(r.lost for r in of)):.1%}"
        )
    return "\n".join(lines)


def main() -> None:
    """Print the table; with --out, keep the rows as JSON lines."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--names", nargs="+", default=list(NAMES))
    parser.add_argument("--noise", default="quiet")
    parser.add_argument("--recorded", type=Path)
    parser.add_argument("--out", type=Path)
    args = parser.parse_args()
    rows = [
        row
        for seed in range(args.seeds)
        for name, setup, still in setups(args, seed)
        if (row := run_one(name, setup, still, seed)) is not None
    ]
    print(table(rows))
    if args.out is not None:
        args.out.write_text("".join(json.dumps(asdict(row)) + "\n" for row in rows))


if __name__ == "__main__":
    main()
