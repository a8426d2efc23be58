"""What the ladder and the race save: the same configs in the same order, with and without them.

    python tests/benchmarks/ladder_table.py --seeds 20
    python tests/benchmarks/ladder_table.py --setups simulated:none --names m1-max-llama-8b
    python tests/benchmarks/ladder_table.py --setups recorded:studies/factorial-llama-server-cpu

Every seed draws one stream of configs, which each variant measures in order: ``whole`` replays each
to its end, ``race`` stops one that has lost, ``sessions`` leaves the plan at its first rung as
well, ``deep`` asks the rung ahead of it, ``ladder`` does all of that. So what differs between two
variants is what they cost and whom they end with, and nothing that a sampler made of it. Seconds
are of the engine, loads and stops included; ``within`` is until the best so far is within 5% of the
best of the stream; ``lost`` is what the last best one is slower than that by.
"""

from __future__ import annotations

import argparse
import json
import math
import random
import statistics
import threading
import warnings
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import optuna
from policy_table import WITHIN, Log

from autotune.candidate import Candidate, Setting
from autotune.search.budget import Budget
from autotune.search.events import Event, TrialFinished
from autotune.search.known import Known
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger
from autotune.search.planned import Planned
from autotune.search.policies import Policy
from autotune.search.race import Lead, Race
from autotune.search.rung_looks import CHECKED, DROPPED, LOST, look_on
from autotune.search.rung_ranks import trust_in
from autotune.search.rungs import DEEP, SESSIONS, WHOLE, rungs_of
from autotune.search.search import Search
from autotune.search.space import Space, to_settings
from autotune.search.suggest import active_values, make_sampler

VARIANTS: dict[str, tuple[bool, frozenset[str]]] = {
    "whole": (False, frozenset()),
    "race": (True, frozenset()),
    "sessions": (True, frozenset({SESSIONS})),
    "deep": (True, frozenset({DEEP})),
    "ladder": (True, frozenset({DEEP, SESSIONS})),
}
"""Whether trials are raced, and the rungs that are used."""

STREAM = "stream "


@dataclass(frozen=True)
class Row:
    """One stream measured by one variant. Seconds are of the engine; `lost` is a log-ratio."""

    setup: str
    variant: str
    seed: int
    within_s: float
    total_s: float
    lost: float
    trials: int
    asked: int
    ended: int
    checked: int
    tau: float | None
    spread: float | None


class NoLead(Lead):
    """Races nobody."""

    def race(self, ledger: Ledger) -> Race | None:
        """None at all."""
        del ledger
        return None


@dataclass(frozen=True)
class Stream:
    """Configs in an order that no result changes."""

    rows: tuple[dict[str, Setting], ...]

    def plan(self, known: Known) -> Planned | None:
        """The first that was not tried; nothing behind the last."""
        tried = {entry.label for entry in known.ledger.entries}
        for number, values in enumerate(self.rows):
            if f"{STREAM}{number}" not in tried:
                return Planned(values, f"{STREAM}{number}")
        return None


def stream_of(setup: Any, seed: int, length: int) -> Stream:
    """`length` configs that may run: some starts of the space and a few flags, laid over the
    default."""
    rng, rows = random.Random(seed), list[dict[str, Setting]]()
    seen = set[str]()
    while len(rows) < length and len(seen) < 40 * length:
        values = drawn(setup.space, rng)
        candidate = Candidate(to_settings(setup.space, values))
        if candidate.key not in seen and setup.feasibility.refusal(candidate) is None:
            rows.append(values)
        seen.add(candidate.key)
    return Stream(tuple(rows))


def drawn(space: Space, rng: random.Random) -> dict[str, Setting]:
    """Each start with a chance of a quarter, then two flags at most."""
    wanted = dict(space.defaults)
    for start in space.starts:
        if rng.random() < 0.25:
            wanted.update(start.settings)
    free = [p for p in space.parameters if len(p.choices) > 1]
    for parameter in rng.sample(free, min(len(free), rng.randint(0, 2))):
        wanted[parameter.name] = rng.choice(parameter.choices)
    return active_values(space, wanted)


def setup_of(kind: str, name: str, seed: int) -> tuple[Any, Any]:
    """A setup, and the same without noise."""
    how, _, which = kind.partition(":")
    if how == "recorded":
        from autotune.search.recorded_setup import recorded_setup

        return recorded_setup(Path(which), seed), recorded_setup(Path(which), seed, "none")
    from autotune.simulated.machines import simulated_setup

    return simulated_setup(name, seed, which or "quiet"), simulated_setup(name, seed, "none")


def run_one(job: tuple[str, str, str, int, int]) -> Row:
    """One stream under one variant."""
    kind, name, variant, seed, length = job
    warnings.simplefilter("ignore")
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    setup, still = setup_of(kind, name, seed)
    stream, seen = stream_of(setup, seed, length), list[tuple[float, str]]()
    search = search_of(setup, stream, variant, seed, seen)
    search.run()
    values = truths(still, search.ledger)
    least = min(values.values())
    ledger = search.ledger
    looks = [look for e in ledger.measured if (look := look_on(e, DEEP)) is not None]
    verdicts = [look.verdict for look in looks]
    trust = trust_in(ledger, DEEP) if looks else None
    near = [at_s for at_s, key in seen if values[key] - least <= WITHIN]
    assert ledger.best is not None
    total_s = setup.clock.now()
    return Row(
        name, variant, seed, near[0] if near else total_s, total_s,
        values[ledger.best.key] - least, len(ledger.measured), len(looks),
        verdicts.count(DROPPED) + verdicts.count(LOST), verdicts.count(CHECKED),
        trust.agreement.tau_b if trust else None, trust.spread if trust else None,
    )  # fmt: skip


def truths(still: Any, ledger: Ledger) -> dict[str, float]:
    """The log of every measured config's value without noise, by its key."""
    found = {}
    for entry in ledger.measured:
        if entry.key not in found and entry.value is not None:
            measured = still.measurer.measure(
                Candidate(entry.settings), still.search_plan, arm="truth", block=0,
                sink=lambda _: None,
            )  # fmt: skip
            value = still.judge.judge(measured).value
            found[entry.key] = math.inf if value is None else math.log(value)
    return found


def search_of(
    setup: Any, stream: Stream, variant: str, seed: int, seen: list[tuple[float, str]]
) -> Search:
    """A search over the stream and no further; `seen` gets the best one after every trial."""
    raced, names = VARIANTS[variant]
    clock, stop, log = setup.clock, threading.Event(), Log()

    def listen(event: Event) -> None:
        if not isinstance(event, TrialFinished) or search.ledger.best is None:
            return
        seen.append((clock.now(), search.ledger.best.key))
        labels = {entry.label for entry in search.ledger.entries}
        if f"{STREAM}{len(stream.rows) - 1}" in labels:
            stop.set()

    rungs = rungs_of(setup.search_plan, setup.judge.at_depth)
    search = Search(
        study=optuna.create_study(sampler=make_sampler(seed)), space=setup.space,
        plan=setup.search_plan, measurer=setup.measurer, judge=setup.judge,
        feasibility=setup.feasibility, budget=Budget(None, None, clock, 0.0), log=log,  # type: ignore[arg-type]
        listener=listen, stop=stop, read_turns=lambda: list(log.records), seed=seed,
        policy=Policy("stream", "a stream of configs", stream.plan),
        ladder=Ladder(tuple(r for r in rungs if r.name in names | {WHOLE})),
    )  # fmt: skip
    if not raced:
        search._lead = NoLead(setup.judge, tuple)
    return search


def main() -> None:
    """Parse, run, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--setups", default="simulated:quiet", help="simulated:NOISE, recorded:DIR")
    parser.add_argument("--names", default="", help="of simulated machines (all of them)")
    parser.add_argument("--variants", default=",".join(VARIANTS))
    parser.add_argument("--length", type=int, default=30, help="configs of a stream (30)")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--json", type=Path)
    asked = parser.parse_args()
    names = asked.names.split(",") if asked.names else all_names(asked.setups)
    variants = asked.variants.split(",")
    jobs = [
        (asked.setups, name, variant, seed, asked.length)
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


def all_names(kind: str) -> list[str]:
    """Every simulated machine, or the one recording."""
    if kind.startswith("recorded"):
        return [Path(kind.partition(":")[2]).name]
    from autotune.simulated.machines import COMBINATIONS

    return list(COMBINATIONS)


def print_table(rows: Sequence[Row], names: Sequence[str], variants: Sequence[str]) -> None:
    """A line for each setup and variant: medians over seeds, and the ratios to the race's."""
    print(f"{'setup':22} {'variant':9} {'within s':>9} {'ratio':>6} {'total s':>9} {'ratio':>6} "
          "lost p50   p95 trials  asked ended checked   tau spread")  # fmt: skip
    for name in names:
        for variant in variants:
            mine = [r for r in rows if (r.setup, r.variant) == (name, variant)]
            base = [r for r in rows if (r.setup, r.variant) == (name, "race")]
            if mine:
                print(line_of(name, variant, mine, base))


def line_of(name: str, variant: str, mine: Sequence[Row], base: Sequence[Row]) -> str:
    """One line; ratios are seed by seed."""
    counts = [statistics.mean(getattr(r, n) for r in mine) for n in _COUNTS]
    known = [(r.tau, r.spread) for r in mine if r.tau is not None and r.spread is not None]
    lost = sorted(r.lost for r in mine)
    return (
        f"{name:22} {variant:9} {_median(mine, 'within_s'):9.0f} {_ratio(mine, base, 'within_s')}"
        f" {_median(mine, 'total_s'):9.0f} {_ratio(mine, base, 'total_s')}"
        f" {statistics.median(lost):8.3f} {lost[math.ceil(0.95 * len(lost)) - 1]:5.3f} "
        + " ".join(f"{c:6.1f}" for c in counts)
        + (f"  {statistics.median(t for t, _ in known):5.2f}" if known else "")
        + (f" {statistics.median(s for _, s in known):6.3f}" if known else "")
    )


_COUNTS = ("trials", "asked", "ended", "checked")


def _median(rows: Sequence[Row], what: str) -> float:
    return statistics.median(getattr(r, what) for r in rows)


def _ratio(mine: Sequence[Row], base: Sequence[Row], what: str) -> str:
    own = {r.seed: getattr(r, what) for r in mine}
    other = {r.seed: getattr(r, what) for r in base}
    both = [own[s] / other[s] for s in own if s in other]
    return f"{statistics.median(both):6.2f}" if both else f"{'':6}"


if __name__ == "__main__":
    main()
