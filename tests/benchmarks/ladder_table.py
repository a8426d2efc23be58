"""What the ladder and the race save: engine-seconds to come within 5% of the optimum.

    python tests/benchmarks/ladder_table.py --seeds 20
    python tests/benchmarks/ladder_table.py --names m1-max-llama-8b,cpu-llama-3b --policy additive

One policy proposes, in every variant: ``whole`` replays every trial to its end, ``race`` stops one
that has lost, ``sessions`` leaves the plan at its first rung as well, ``deep`` asks the rung ahead
of it, ``ladder`` does all of that. Seconds are of a simulated engine, loads and stops included.
Prints a table; with --json the rows.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import optuna
from policy_table import TRIALS, WITHIN, Log, Task, all_names, tasks

from autotune.candidate import Candidate
from autotune.search.budget import Budget
from autotune.search.events import Event, TrialFinished
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger
from autotune.search.policies import POLICIES
from autotune.search.race import Lead, Race
from autotune.search.rung_looks import CHECKED, DROPPED, LOST, look_on
from autotune.search.rung_ranks import trust_in
from autotune.search.rungs import DEEP, SESSIONS, WHOLE, rungs_of
from autotune.search.search import Search
from autotune.search.suggest import make_sampler

VARIANTS: dict[str, tuple[bool, frozenset[str]]] = {
    "whole": (False, frozenset()),
    "race": (True, frozenset()),
    "sessions": (True, frozenset({SESSIONS})),
    "deep": (True, frozenset({DEEP})),
    "ladder": (True, frozenset({DEEP, SESSIONS})),
}
"""Whether trials are raced, and the rungs that are used."""


@dataclass(frozen=True)
class Row:
    """`seconds` to within 5% of the optimum, ``None`` for never within `horizon_s`; `left` is the
    log of what is left to gain at its end."""

    setup: str
    variant: str
    seed: int
    seconds: float | None
    trials: int
    left: float
    horizon_s: float
    asked: int
    ended: int
    checked: int
    tau: float | None


class NoLead(Lead):
    """Races nobody."""

    def race(self, ledger: Ledger) -> Race | None:
        """None at all."""
        del ledger
        return None


def run_one(job: tuple[str, str, str, str, int, float]) -> Row:
    """One search to its end."""
    kind, name, policy, variant, seed, share = job
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    task = next(iter(tasks(kind, [name])))
    task = replace(task, horizon_s=share * task.horizon_s)
    setup = task.make(seed)
    reached: list[float] = []
    search = made(task, setup, policy, variant, seed, reached)
    search.run()
    best = search.ledger.best
    left = task.truth(setup, Candidate(best.settings)) - task.optimum if best else math.inf
    looks = [look for e in search.ledger.measured if (look := look_on(e, DEEP)) is not None]
    verdicts = [look.verdict for look in looks]
    agreement = trust_in(search.ledger, DEEP).agreement if looks else None
    return Row(
        name, variant, seed, reached[0] if reached else None, len(search.ledger.measured), left,
        task.horizon_s, len(looks), verdicts.count(DROPPED) + verdicts.count(LOST),
        verdicts.count(CHECKED), agreement.tau_b if agreement else None,
    )  # fmt: skip


def made(
    task: Task, setup: Any, policy: str, variant: str, seed: int, reached: list[float]
) -> Search:
    """A search over the whole horizon, which puts into `reached` when it came within 5%."""
    raced, names = VARIANTS[variant]
    clock, stop, log = setup.clock, threading.Event(), Log()

    def listen(event: Event) -> None:
        if not isinstance(event, TrialFinished) or search.ledger.best is None:
            return
        best = Candidate(search.ledger.best.settings)
        if not reached and task.truth(setup, best) - task.optimum <= WITHIN:
            reached.append(clock.now())
        if clock.now() > task.horizon_s:
            stop.set()

    rungs = rungs_of(setup.search_plan, setup.judge.at_depth)
    search = Search(
        study=optuna.create_study(sampler=make_sampler(seed)), space=setup.space,
        plan=setup.search_plan, measurer=setup.measurer, judge=setup.judge,
        feasibility=setup.feasibility, budget=Budget(None, None, clock, 0.0), log=log,  # type: ignore[arg-type]
        listener=listen, stop=stop, read_turns=lambda: list(log.records), seed=seed,
        policy=POLICIES[policy],
        ladder=Ladder(tuple(r for r in rungs if r.name in names | {WHOLE})),
    )  # fmt: skip
    if not raced:
        search._lead = NoLead(setup.judge, tuple)
    return search


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setups", default="simulated", help="simulated, or simulated:NOISE")
    parser.add_argument("--names", default="")
    parser.add_argument("--policy", default="steps")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--horizon", type=float, default=20.0, help="in whole trials (20)")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    names = asked.names.split(",") if asked.names else all_names(asked.setups, 6)
    variants = asked.variants.split(",")
    jobs = [
        (asked.setups, name, asked.policy, variant, seed, asked.horizon / TRIALS)
        for name in names
        for variant in variants
        for seed in range(asked.seeds)
    ]
    if asked.jobs > 1:
        with ProcessPoolExecutor(asked.jobs) as pool:
            rows = list(pool.map(run_one, jobs, chunksize=1))
    else:
        rows = [run_one(job) for job in jobs]
    if asked.json:
        asked.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    print_table(rows, names, variants)


def print_table(rows: Sequence[Row], names: Sequence[str], variants: Sequence[str]) -> None:
    """A line for each setup and variant; a search that never arrived counts with the horizon."""
    print(f"{'setup':22} {'variant':9} {'arrived':>7} {'median s':>9} {'/race':>6} {'p95 s':>8} "
          f"  left trials asked ended checked   tau")  # fmt: skip
    for name in names:
        base = _seconds(rows, name, "race")
        for variant in variants:
            mine = [r for r in rows if (r.setup, r.variant) == (name, variant)]
            own = _seconds(rows, name, variant)
            taus = [r.tau for r in mine if r.tau is not None]
            arrived = sum(r.seconds is not None for r in mine) / len(mine)
            middle = statistics.median(own)
            share = middle / statistics.median(base) if base else math.nan
            p95 = own[math.ceil(0.95 * len(own)) - 1]
            left = statistics.median(r.left for r in mine)
            counts = [statistics.mean(getattr(r, n) for r in mine) for n in _COUNTS]
            print(
                f"{name:22} {variant:9} {arrived:7.0%} {middle:9.0f} {share:6.2f} {p95:8.0f} "
                + f"{left:6.3f} "
                + " ".join(f"{c:6.1f}" for c in counts)
                + (f"  {statistics.median(taus):5.2f}" if taus else "")
            )


_COUNTS = ("trials", "asked", "ended", "checked")


def _seconds(rows: Sequence[Row], name: str, variant: str) -> list[float]:
    mine = [r for r in rows if (r.setup, r.variant) == (name, variant)]
    return sorted(r.horizon_s if r.seconds is None else r.seconds for r in mine)


if __name__ == "__main__":
    main()
