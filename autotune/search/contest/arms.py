"""The configs that are compared across engines, and how each is measured on its own engine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from autotune.candidate import Candidate
from autotune.replay.plan import ReplayPlan
from autotune.search.confirm import Arm
from autotune.search.ledger import Entry, Ledger, arm_name
from autotune.search.queue import INCUMBENT
from autotune.trial.measurement import Enough, Measurement, Measurer, RecordSink, never

BASE = "default"
BEST = "best"


@dataclass(frozen=True, slots=True)
class ContestArm:
    """One config of one engine. `role` is ``default``, ``incumbent`` or ``best``."""

    engine: str
    role: str
    entry: Entry

    @property
    def name(self) -> str:
        """What it is called in the turn log and on disk: ``vllm-default``, ``vllm-trial-0007``."""
        which = self.role if self.role == BASE else arm_name(self.entry.number)
        return f"{self.engine}-{which}"

    @property
    def arm(self) -> Arm:
        """As the confirmation takes it."""
        return Arm(self.name, Candidate(self.entry.settings), self.entry.number)


def arms_of(engine: str, ledger: Ledger, best: Entry | None = None) -> list[ContestArm]:
    """An engine's default, its incumbent and its best, each config once.

    `best` stands in for the ledger's. Configs that could not be measured are left out.
    """
    base = ledger.baseline
    held = next((e for e in ledger.measured if e.label == INCUMBENT), None)
    wanted = ((BASE, base), (INCUMBENT, held), (BEST, best or ledger.best))
    found: dict[str, ContestArm] = {}
    for role, entry in wanted:
        if entry is not None and entry.value is not None:
            found.setdefault(entry.key, ContestArm(engine, role, entry))
    return list(found.values())


def baseline_of(arms: Sequence[ContestArm], holder: str) -> ContestArm | None:
    """What everything is compared with: the holder's incumbent, else its default.

    Where that could not be measured it is the default of the first engine that has one; ``None``
    when there is none at all.
    """
    own = [arm for arm in arms if arm.engine == holder and arm.role != BEST]
    if own:
        return max(own, key=lambda arm: arm.role == INCUMBENT)
    return next((arm for arm in arms if arm.role == BASE), None)


class Owner(Protocol):
    """What an engine is measured with; its plan holds the same turns as every other's."""

    @property
    def measurer(self) -> Measurer:
        """The engine's own."""
        ...

    @property
    def confirm_plan(self) -> ReplayPlan:
        """The held-out sessions as this engine takes them."""
        ...


@dataclass(frozen=True, slots=True)
class Dispatch:
    """A measurer over several engines: each arm of `round_name` goes to its own.

    The asked plan names the turns; what is replayed are the same turns as that engine takes them,
    with its own filler and rendering.
    """

    round_name: str
    owners: Mapping[str, Owner]

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
        """Measure `candidate` on the engine of `arm`."""
        owner = self.owners[arm.removeprefix(f"{self.round_name}-")]
        return owner.measurer.measure(
            candidate, owner.confirm_plan, arm=arm, block=block, sink=sink, enough=enough
        )
