r"""Which policy chooses trials best: engine-seconds to come within 5% of the optimum.

    python tests/benchmarks/policy_table.py --setups landscape --seeds 20
    python tests/benchmarks/policy_table.py --setups simulated --policies additive,steps --seeds 5
    python tests/benchmarks/policy_table.py --setups recorded \
        --names studies/factorial-llama-server-cpu

Every policy searches the same setups with the same seeds, on a clock of engine-seconds that load,
warm-up and stop are on. `random` and `plain-tpe` are Optuna's samplers with every trial replayed
whole; the others are raced as ``autotune run`` does. Writes a table, and with --json the rows.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import random
import statistics
import sys
import tempfile
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import optuna

sys.path.insert(0, str(Path(__file__).parents[1] / "fakes"))

from autotune.candidate import Candidate, Setting
from autotune.records import TurnRecord
from autotune.search.budget import Budget
from autotune.search.events import Event, TrialFinished
from autotune.search.feasibility import Feasibility
from autotune.search.ladder import Ladder
from autotune.search.policies import POLICIES
from autotune.search.rungs import rungs_of
from autotune.search.search import Search
from autotune.search.space import Space, to_settings
from autotune.search.suggest import make_sampler, suggest
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

WITHIN = math.log(1.05)
PLAIN = ("random", "plain-tpe")


@dataclass(frozen=True)
class Task:
    """One search: `truth` gives a config's log time without noise, `optimum` the least of it."""

    name: str
    make: Callable[[int], Any]
    truth: Callable[[Any, Candidate], float]
    optimum: float
    horizon_s: float
    trial_s: float = 0.0


@dataclass
class Log:
    """A turn log in memory."""

    records: list[TurnRecord] = field(default_factory=list)

    def append(self, record: TurnRecord) -> None:
        self.records.append(record)


@dataclass(frozen=True)
class Row:
    """`seconds` to within 5% of the optimum, ``None`` for never within `horizon_s`; `left` is the
    log of what was left to gain at the end."""

    setup: str
    policy: str
    seed: int
    seconds: float | None
    trials: int
    left: float
    horizon_s: float


def searched(
    setup: Any, policy: str, seed: int, horizon_s: float, good: Callable[[Candidate], bool]
) -> Iterator[tuple[float, Any]]:
    """Seconds and the best candidate's settings after every trial, until it is `good`."""
    rows: list[tuple[float, Any]] = []
    clock, stop, log = getattr(setup, "clock", VirtualClock()), threading.Event(), Log()
    own = setup.measurer if hasattr(setup, "clock") else ClockedMeasurer(setup.measurer, clock)

    def listen(event: Event) -> None:
        if isinstance(event, TrialFinished):
            best = search.ledger.best
            if best is not None:
                rows.append((clock.now(), best.settings))
            if clock.now() > horizon_s or (best and good(Candidate(best.settings))):
                stop.set()

    study = optuna.create_study(sampler=make_sampler(seed))
    search = Search(
        study=study, space=setup.space, plan=setup.search_plan,
        measurer=own, judge=setup.judge,
        feasibility=setup.feasibility, budget=Budget(None, None, clock, 0.0), log=log,  # type: ignore[arg-type]
        listener=listen, stop=stop, read_turns=lambda: list(log.records), seed=seed,
        policy=POLICIES[policy],
        ladder=Ladder(rungs_of(setup.search_plan, setup.judge.at_depth)) if LADDER else Ladder(),
    )  # fmt: skip
    search.run()
    yield from rows


def plain(
    setup: Any, policy: str, seed: int, horizon_s: float, good: Callable[[Candidate], bool]
) -> Iterator[tuple[float, Any]]:
    """The same of an Optuna sampler without anything of ours: every trial replayed whole."""
    sampler = (
        optuna.samplers.RandomSampler(seed=seed)
        if policy == "random"
        else optuna.samplers.TPESampler(seed=seed)
    )
    study = optuna.create_study(sampler=sampler)
    study.enqueue_trial(dict(setup.space.defaults))
    clock, best = 0.0, math.inf
    found: Any = None
    number = 0
    while clock < horizon_s and number < 2000:
        trial = study.ask()
        candidate = Candidate(to_settings(setup.space, suggest(trial, setup.space)))
        refused = setup.feasibility.refusal(candidate) is not None
        value = None
        if not refused:
            measured = setup.measurer.measure(
                candidate,
                setup.search_plan,
                arm=f"trial-{number:04d}",
                block=0,
                sink=lambda _: None,
            )
            clock += measured.seconds.total_s
            value = setup.judge.judge(measured).value
        number += 1
        if value is None:
            study.tell(trial, state=optuna.trial.TrialState.PRUNED)
            continue
        study.tell(trial, value)
        if value < best:
            best, found = value, candidate.settings
        yield clock, found
        if good(Candidate(found)):
            return


def run_one(job: tuple[str, str, str, int]) -> Row:
    """One policy on one setup with one seed."""
    kind, name, policy, seed = job
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    task = next(t for t in tasks(kind, [name]))
    setup = task.make(seed)
    run = plain if policy in PLAIN else searched
    seconds, left, trials = None, math.inf, 0

    def good(candidate: Candidate) -> bool:
        return task.truth(setup, candidate) - task.optimum <= WITHIN

    for at_s, settings in run(setup, policy, seed, task.horizon_s, good):
        left = task.truth(setup, Candidate(settings)) - task.optimum
        trials += 1
        if left <= WITHIN and seconds is None:
            seconds = at_s
    return Row(name, policy, seed, seconds, trials, left, task.horizon_s)


def tasks(kind: str, names: Sequence[str]) -> Iterator[Task]:
    """The setups of one kind."""
    if kind == "landscape":
        from landscape import made

        for name in names:
            number = int(name)
            base = made(number)
            yield Task(
                name,
                lambda seed, number=number: made(number, noise_seed=seed),  # type: ignore[misc]
                lambda setup, candidate: setup.truth(candidate),
                base.land.optimum(),
                horizon_s=HORIZON_S,
            )
        return
    if kind == "recorded":
        for name in names:
            yield recorded_task(Path(name), noise="recorded")
        return
    for name in names:
        yield simulated_task(name, noise=kind.partition(":")[2] or "shared")


def simulated_task(name: str, noise: str) -> Task:
    """A simulated machine; what a config is worth is what it measures without noise."""
    from autotune.simulated.machines import simulated_setup

    still = simulated_setup(name, 0, "none")
    seen: dict[str, float] = {}

    def truth(_: Any, candidate: Candidate) -> float:
        if candidate.key not in seen:
            found = still.measurer.measure(
                candidate, still.search_plan, arm="truth", block=0, sink=lambda _: None
            )
            value = still.judge.judge(found).value
            seen[candidate.key] = math.inf if value is None else math.log(value)
        return seen[candidate.key]

    default = Candidate(to_settings(still.space, still.space.defaults))
    before_s = still.clock.now()
    truth(None, default)
    trial_s = still.clock.now() - before_s
    return Task(
        name,
        lambda seed: simulated_setup(name, seed, noise),
        truth,
        optimum_of(name, still.space, still.feasibility, lambda c: truth(None, c)),
        horizon_s=TRIALS * trial_s,
        trial_s=trial_s,
    )


def recorded_task(folder: Path, noise: str) -> Task:
    """A recording; what a config is worth is its median over all looks at it."""
    from autotune.search.recorded_setup import recorded_setup, true_values

    still = recorded_setup(folder, 0, "none")
    logs = {key: math.log(value) for key, value in true_values(still).items()}
    default = Candidate(to_settings(still.space, still.space.defaults))
    still.measurer.measure(default, still.search_plan, arm="truth", block=0, sink=lambda _: None)
    return Task(
        folder.name,
        lambda seed: recorded_setup(folder, seed, noise),
        lambda _, candidate: logs.get(candidate.key, math.inf),
        min(logs.values()),
        horizon_s=TRIALS * still.clock.now(),
        trial_s=still.clock.now(),
    )


def optimum_of(
    name: str, space: Space, feasibility: Feasibility, value: Callable[[Candidate], float]
) -> float:
    """The least log time, by climbing one flag at a time from the default, every start and chance;
    kept in the folder for scratch, since it takes seconds."""
    probes = [{**space.defaults, **start.settings} for start in space.starts]
    facts = [space.digest, *(value(Candidate(to_settings(space, p))) for p in probes)]
    mark = hashlib.sha256(repr(facts).encode()).hexdigest()[:12]
    kept = Path(tempfile.gettempdir()) / f"autotune-optimum-{name}-{mark}.json"
    if kept.is_file():
        return float(json.loads(kept.read_text()))
    rng = random.Random(1)
    begun: list[dict[str, Setting]] = [dict(space.defaults)]
    begun += [{**space.defaults, **start.settings} for start in space.starts]
    begun += [{p.name: rng.choice(p.choices) for p in space.parameters} for _ in range(4)]

    def worth(values: dict[str, Setting]) -> float:
        candidate = Candidate(to_settings(space, values))
        return math.inf if feasibility.refusal(candidate) else value(candidate)

    best = min(climb(space, values, worth) for values in begun)
    kept.write_text(json.dumps(best))
    return best


def climb(
    space: Space, values: dict[str, Setting], worth: Callable[[dict[str, Setting]], float]
) -> float:
    """Where changing one flag helps no more."""
    now, before = worth(values), math.nan
    while now != before:
        before = now
        for parameter in space.parameters:
            for choice in parameter.choices:
                other = {**values, parameter.name: choice}
                if (found := worth(other)) < now - 1e-9:
                    now, values = found, other
    return now


LADDER = True
"""Whether trials are asked on the rungs of the plan first, as ``autotune run`` does."""

TRIALS = 30
"""How many whole replays of the default a search gets on a simulated machine."""

HORIZON_S = 15_000.0


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--setups", default="landscape")
    parser.add_argument("--count", type=int, default=6, help="of landscapes")
    parser.add_argument("--names", default="")
    parser.add_argument("--policies", default="random,plain-tpe,steps,additive")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    names = asked.names.split(",") if asked.names else all_names(asked.setups, asked.count)
    policies = asked.policies.split(",")
    jobs = [(asked.setups, n, p, s) for n in names for p in policies for s in range(asked.seeds)]
    if asked.jobs > 1:
        with ProcessPoolExecutor(asked.jobs) as pool:
            rows = list(pool.map(run_one, jobs, chunksize=1))
    else:
        rows = [run_one(job) for job in jobs]
    if asked.json:
        asked.json.write_text(json.dumps([asdict(r) for r in rows], indent=1))
    print_table(rows, policies)


def all_names(kind: str, count: int) -> list[str]:
    """Every simulated machine, or `count` landscapes."""
    if kind == "landscape":
        return [str(number) for number in range(count)]
    from autotune.simulated.machines import COMBINATIONS

    return list(COMBINATIONS)


def print_table(rows: Sequence[Row], policies: Sequence[str]) -> None:
    """One line a policy: medians over setups of ratios to random's median."""
    setups = sorted({r.setup for r in rows})
    print(
        f"{'policy':12} {'reached':>8} {'median':>8} {'p95':>8} {'/random':>8} {'/tpe':>8} trials"
    )
    for policy in policies:
        mine = [r for r in rows if r.policy == policy]
        seconds = sorted(r.seconds if r.seconds is not None else math.inf for r in mine)
        ratios = [_ratio(rows, policy, base, setups) for base in PLAIN]
        reached = sum(r.seconds is not None for r in mine) / max(1, len(mine))
        trials = statistics.median(r.trials for r in mine)
        p95 = seconds[min(len(seconds) - 1, math.ceil(0.95 * len(seconds)) - 1)]
        print(
            f"{policy:12} {reached:8.0%} {statistics.median(seconds):8.0f} {p95:8.0f} "
            + " ".join(f"{r:8.2f}" for r in ratios) + f" {trials:5.0f}"
        )  # fmt: skip


def _ratio(rows: Sequence[Row], policy: str, base: str, setups: Sequence[str]) -> float:
    """The median over setups of the ratio of median seconds."""
    found = []
    for setup in setups:
        mine, other = _median(rows, setup, policy), _median(rows, setup, base)
        if mine is not None and other is not None:
            found.append(mine / other)
    return statistics.median(found) if found else math.nan


def _median(rows: Sequence[Row], setup: str, policy: str) -> float | None:
    """A search that never arrived counts with the whole horizon."""
    found = [
        r.horizon_s if r.seconds is None else r.seconds
        for r in rows
        if r.setup == setup and r.policy == policy
    ]
    return statistics.median(found) if found else None


if __name__ == "__main__":
    main()
