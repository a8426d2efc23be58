"""What a study knows of configs that were held to depth: ``hold.json``, one row a config."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.scoring.held import Held
from autotune.search.feasibility import Feasibility
from autotune.search.ledger import arm_name
from autotune.study.folder import StudyFolder
from autotune.trial.soak_plan import SoakPlan


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRow:
    """One config that was filled. `key` is its candidate's; `asked` is what it was filled with."""

    key: str
    trial: int
    settings: Mapping[str, Setting]
    asked: Mapping[str, int]
    seconds: float
    held: Held

    def to_json(self) -> dict[str, Any]:
        """A JSON object."""
        return {
            "key": self.key,
            "trial": self.trial,
            "settings": dict(self.settings),
            "asked": dict(self.asked),
            "seconds": self.seconds,
            "held": self.held.to_json(),
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> HoldRow:
        """Back from `to_json`."""
        return cls(**{**data, "held": Held.from_json(data["held"])})


def asked_of(plan: SoakPlan) -> dict[str, int]:
    """What makes two soaks of one config the same."""
    return {
        "deepest_tokens": plan.deepest_tokens,
        "wanted_tokens": plan.wanted_tokens,
        "rounds": len(plan.rounds),
        "sessions": len({planned.turn.session_id for r in plan.rounds for planned in r.turns}),
    }


def read_holds(folder: StudyFolder) -> list[HoldRow]:
    """Every row, in the order in which they were filled."""
    return [HoldRow.from_json(row) for row in folder.read_holds()]


def find_hold(folder: StudyFolder, key: str, plan: SoakPlan) -> HoldRow | None:
    """The row of a config that was filled with this very plan."""
    rows = [r for r in read_holds(folder) if r.key == key and r.asked == asked_of(plan)]
    return rows[-1] if rows else None


def note_hold(folder: StudyFolder, row: HoldRow) -> None:
    """Write `row` down; an earlier one of the same config and plan gives way to it."""
    rows = [r for r in read_holds(folder) if (r.key, r.asked) != (row.key, row.asked)]
    folder.write_holds([r.to_json() for r in (*rows, row)])


def refused_keys(folder: StudyFolder) -> frozenset[str]:
    """Configs that did not hold: they are not recommended, however fast."""
    latest = {row.key: row for row in read_holds(folder)}
    return frozenset(key for key, row in latest.items() if not row.held.holds)


def refusals(folder: StudyFolder, prefix: str = "") -> dict[str, Held]:
    """The same by the name of their arm, which begins with `prefix` among several engines."""
    latest = {row.key: row for row in read_holds(folder)}
    return {prefix + arm_name(row.trial): row.held for row in latest.values() if not row.held.holds}


def relearn(feasibility: Feasibility, folder: StudyFolder) -> None:
    """Tell `feasibility` of every config that ran out of memory when it was filled."""
    for row in read_holds(folder):
        learn_hold(feasibility, Candidate(row.settings), row.held)


def learn_hold(feasibility: Feasibility, candidate: Candidate, held: Held) -> None:
    """What asks for no less memory would not hold either. A leak says nothing of other settings."""
    if held.failure == FailureKind.OUT_OF_MEMORY.value:
        failure = Failure(FailureKind.OUT_OF_MEMORY, held.message or held.sentence)
        feasibility.learn(candidate, failure)
