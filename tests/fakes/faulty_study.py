"""A search on a simulated machine with faults put in, and what became of every one of them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autotune.candidate import Candidate
from autotune.launchers.failure import Failure, FailureKind
from autotune.replay.plan import ReplayPlan
from autotune.search.hurry import patience_of
from autotune.search.ledger import COMPLETE, STOPPED, arm_name
from autotune.search.space import to_settings
from autotune.simulated.faults import NO_FAULTS, Faults
from autotune.simulated.machines import SimulatedSetup, simulated_setup
from autotune.simulated.measurer import SimulatedMeasurer
from autotune.simulated.short_memory import sample_of, short_memory
from autotune.strategies.ours import Ours
from autotune.strategies.seam import Asked, Settings
from autotune.strategies.sources import Source, Truth, truth_of
from autotune.trial.measurement import Enough, Measurement, Measurer, RecordSink, never

INJECTED: Mapping[str, FailureKind] = {
    "injected: not enough memory": FailureKind.OUT_OF_MEMORY,
    "injected: no token came": FailureKind.HANG,
    "injected: the engine died": FailureKind.CRASH,
}
"""What was put in, by its words: they say it whatever kind a trial ends with."""

MEMORY_SHARE, HANGS, CRASHES, TIMEOUT_S = 0.4, 0.02, 0.03, 600.0
CONDEMNED_SAMPLE = 80


@dataclass(frozen=True)
class Struck:
    """One measurement: what was put into it, and what it said of itself."""

    arm: str
    block: int
    injected: FailureKind | None
    failure: FailureKind | None
    seconds: float


@dataclass
class Witness:
    """Passes on what `measurer` says, and keeps what befell it."""

    measurer: Measurer
    seen: list[Struck] = field(default_factory=list)

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        found = self.measurer.measure(
            candidate, plan, arm=arm, block=block, sink=sink, enough=enough
        )
        kind = None if found.failure is None else found.failure.kind
        self.seen.append(Struck(arm, block, injected(found.failure), kind, found.seconds.total_s))
        return found


def injected(failure: Failure | None) -> FailureKind | None:
    """The kind that was put in; ``None`` where nothing was."""
    words = "" if failure is None else failure.message
    return next((kind for said, kind in INJECTED.items() if said in words), None)


@dataclass
class FaultyStudy:
    """One study that has ended. `budget_s` and `used_s` are engine-seconds."""

    name: str
    setup: SimulatedSetup
    run: Ours
    seen: Sequence[Struck]
    recommended: Settings
    budget_s: float
    used_s: float

    def misclassified(self) -> list[str]:
        """Trials that do not end as the last thing that befell them says."""
        last = {one.arm: one for one in self.seen}
        wrong = []
        for entry in self.run.ledger.measured:
            one = last[arm_name(entry.number)]
            expected = one.injected or one.failure
            is_good = entry.outcome in (COMPLETE, STOPPED)
            if (entry.failure is None) is not is_good or entry.failure != expected:
                wrong.append(f"trial {entry.number}: {expected} became {entry.failure}")
        return wrong

    def refused_good(self, sample: Sequence[Settings], faults: Faults) -> list[str]:
        """Why configs of `sample` are refused in the end that would run, faults at random aside."""
        fresh, truth = simulated_setup(self.name).feasibility, truth_named(self.name)
        found = []
        for settings in sample:
            refusal = self.run.search.feasibility.refusal(Candidate(settings))
            short = faults.short is not None and faults.short.is_short(settings)
            if refusal is None or short or fresh.refusal(Candidate(settings)) is not None:
                continue
            if truth.searched(settings) is not None:
                found.append(refusal.message)
        return found

    @property
    def kinds(self) -> dict[str, int]:
        """How often each kind was put in."""
        put_in = [one.injected for one in self.seen if one.injected is not None]
        return {kind.value: put_in.count(kind) for kind in INJECTED.values()}


def truth_named(name: str) -> Truth:
    """What configs are worth on the machine called `name` when nothing fails by accident."""
    return truth_of(Source(name, name))


def default_of(setup: SimulatedSetup) -> Settings:
    """The engine's defaults."""
    return to_settings(setup.space, setup.space.defaults)


def faults_over(name: str, seed: int, spared: Sequence[Settings] = ()) -> Faults:
    """Memory that is short in 40% of the space, hangs and crashes at random.

    The default and `spared` have memory enough: what cannot run cannot be the same winner.
    """
    setup = simulated_setup(name)
    short = short_memory(setup.space, MEMORY_SHARE, seed, (default_of(setup), *spared))
    return Faults(short=short, hang=HANGS, crash=CRASHES, timeout_s=TIMEOUT_S)


def faulty_study(
    name: str,
    seed: int,
    budget_s: float,
    faults: Faults = NO_FAULTS,
    *,
    noise: str = "quiet",
    search_seed: int | None = None,
    stop_early: bool = True,
) -> FaultyStudy:
    """Search and confirm as a run does; `seed` is of noise and faults, and of the search unless
    `search_seed` is."""
    setup = simulated_setup(name, seed, noise, faults=faults)
    simulated = setup.measurer.measurer
    assert isinstance(simulated, SimulatedMeasurer)
    witness = Witness(simulated)
    setup.measurer.measurer = witness
    asked = Asked(budget_s=budget_s, seed=seed if search_seed is None else search_seed)
    run = Ours(setup, asked)
    run.search.stop_early = stop_early
    simulated.patience = patience_of(run.budget, lambda: run.ledger)
    picks = list(run.run())
    used_s = setup.clock.now()
    return FaultyStudy(name, setup, run, witness.seen, picks[-1].settings, budget_s, used_s)


def some_configs(name: str, count: int = CONDEMNED_SAMPLE) -> list[Settings]:
    """Configs of the space of `name`, drawn evenly and always the same."""
    return sample_of(simulated_setup(name).space, random.Random(0), count)
