"""Everything of one study that its report is made of, read once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.records import TurnRecord
from autotune.report.page.turn_lines import lines_by_arm, records
from autotune.search.account import TOTAL
from autotune.search.ledger import COMPLETE, DUPLICATE, arm_name
from autotune.simulated.label import is_simulated
from autotune.study.folder import StudyFolder

_CONFIRM = re.compile(r"confirm-(\d+)-(.+)")
DEFAULT = "default"


@dataclass(frozen=True, slots=True, kw_only=True)
class StudyData:
    """One study as it is on disk. `base` is the folder that the report's links start from.

    `default_turns` and `other_turns` are those of the last confirmation, or of the search's own
    trials where there was none; `other` says whose the second are: ``tuned`` for a winner,
    ``closest`` where nothing won, ``best so far`` for a study that is not finished.
    """

    folder: StudyFolder
    provenance: Mapping[str, Any]
    result: Mapping[str, Any]
    trials: tuple[Mapping[str, Any], ...]
    account: Mapping[str, float]
    base: Path
    other: str = "closest"
    other_trial: int | None = None
    default_turns: tuple[TurnRecord, ...] = ()
    other_turns: tuple[TurnRecord, ...] = ()
    turns_from: str = ""
    survey: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """The study's name."""
        return self.folder.name

    @property
    def summary(self) -> Mapping[str, Any]:
        """How it ended; empty while it has not."""
        found: Mapping[str, Any] = self.result.get("summary") or {}
        return found

    @property
    def simulated(self) -> bool:
        """Whether nothing in it was measured."""
        return is_simulated(self.provenance)

    @property
    def measured(self) -> list[Mapping[str, Any]]:
        """Trials that were launched or refused: not those that repeat another."""
        return [trial for trial in self.trials if trial["state"] != DUPLICATE]

    @property
    def winner(self) -> int | None:
        """The winner's trial."""
        found: int | None = (self.result.get("winner") or {}).get("trial")
        return found

    @property
    def seconds(self) -> dict[str, float]:
        """Where the time went, by part, without the total."""
        told = self.account or self.summary.get("seconds") or {}
        return {name: seconds for name, seconds in told.items() if name != TOTAL and seconds > 0}


def gather(folder: StudyFolder, base: Path | None = None) -> StudyData:
    """Reads `folder`. Raises `UserError` when it holds no study."""
    provenance = folder.read_provenance()
    result = folder.read_result() or {}
    trials = tuple(folder.read_trials())
    other, number = _other(result, trials)
    default = _default_trial(trials)
    arms = {arm_name(n) for n in (default, number) if n is not None}
    lines = lines_by_arm(
        folder.turns_path, lambda arm: arm in arms or _CONFIRM.match(arm) is not None
    )
    told = _confirmed(lines)
    ours = told.get(DEFAULT), told.get(_arm(number) or "")
    source = "the confirmation, median over its blocks"
    if not all(ours):
        ours = _arm(default), _arm(number)
        source = "the trials of the search, one look at each"
    return StudyData(
        folder=folder,
        provenance=provenance,
        result=result,
        trials=trials,
        account=folder.read_account(),
        base=folder.path if base is None else base,
        other=other,
        other_trial=number,
        default_turns=records(lines, ours[0]),
        other_turns=records(lines, ours[1]),
        turns_from=source,
        survey=folder.read_survey() or {},
    )


def confirmed_turns(folder: StudyFolder) -> dict[str, tuple[TurnRecord, ...]]:
    """The turns of the last confirmation, by what each of its arms is called in it."""
    lines = lines_by_arm(folder.turns_path, lambda arm: _CONFIRM.match(arm) is not None)
    return {name: records(lines, arm) for name, arm in _confirmed(lines).items()}


def _arm(number: int | None) -> str | None:
    return None if number is None else arm_name(number)


def _other(
    result: Mapping[str, Any], trials: Iterable[Mapping[str, Any]]
) -> tuple[str, int | None]:
    """What stands beside the default, and its trial."""
    if winner := result.get("winner"):
        return "tuned", winner["trial"]
    compared = (result.get("confirmed") or {}).get("comparisons") or {}
    ranked = sorted((row["ratio"], name) for name, row in compared.items())
    if ranked:
        number = _trial_of(ranked[-1][1])
        if number is not None:
            return "closest", number
    whole = [
        t for t in trials if t["state"] == COMPLETE and t["value"] is not None and t["changes"]
    ]
    best = min(whole, key=lambda t: t["value"], default=None)
    return "closest" if result else "best so far", None if best is None else best["number"]


def _trial_of(arm: str) -> int | None:
    told = re.fullmatch(r"trial-(\d+)", arm)
    return int(told.group(1)) if told else None


def _default_trial(trials: Iterable[Mapping[str, Any]]) -> int | None:
    ran = [t["number"] for t in trials if t["state"] == COMPLETE and not t["changes"]]
    return ran[0] if ran else None


def _confirmed(arms: Iterable[str]) -> dict[str, str]:
    """Arms of the last confirmation, by what they are called in it."""
    found: dict[int, dict[str, str]] = {}
    for arm in arms:
        told = _CONFIRM.match(arm)
        if told is not None:
            found.setdefault(int(told.group(1)), {})[told.group(2)] = arm
    return found[max(found)] if found else {}
