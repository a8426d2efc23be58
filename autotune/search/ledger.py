"""What a study already knows: every finished trial by its settings, the best, and the cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

COMPLETE = "complete"
STOPPED = "stopped-early"
INFEASIBLE = "infeasible"
DUPLICATE = "duplicate"
REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished trial. `value` is ``None`` when it was infeasible, an estimate when `STOPPED`.

    `values` are the search space's parameters, `settings` the engine flags that follow from them.
    """

    number: int
    key: str
    outcome: str
    value: float | None
    label: str
    settings: Mapping[str, Any]
    changes: Mapping[str, Any]
    metrics: Mapping[str, Any]
    seconds: float
    failure: str | None
    reason: str | None
    values: Mapping[str, Any] = field(default_factory=dict)


def arm_name(number: int) -> str:
    """How a trial is called in the turn log and on disk."""
    return f"trial-{number:04d}"


class Ledger:
    """Entries by settings; the search asks it before it launches anything."""

    def __init__(self, trials: Iterable[FrozenTrial] = ()) -> None:
        self.entries: list[Entry] = []
        self._by_key: dict[str, Entry] = {}
        for trial in trials:
            if "outcome" in trial.user_attrs:
                self.add(_entry(trial))

    def add(self, entry: Entry) -> None:
        """Note a finished trial; the first one with its settings stands for later ones."""
        self.entries.append(entry)
        self._by_key.setdefault(entry.key, entry)

    def find(self, key: str) -> Entry | None:
        """The trial that measured these settings, if one did."""
        return self._by_key.get(key)

    @property
    def measured(self) -> list[Entry]:
        """Trials that were launched: neither repeats nor refused before launch."""
        return [e for e in self.entries if e.outcome in {COMPLETE, STOPPED, INFEASIBLE}]

    @property
    def ranked(self) -> list[Entry]:
        """Trials with a score, best first. One that was stopped early has none, only a guess."""
        whole = [e for e in self.measured if e.outcome == COMPLETE]
        good = [(e.value, e.number, e) for e in whole if e.value is not None]
        return [entry for _, _, entry in sorted(good, key=lambda row: row[:2])]

    @property
    def best(self) -> Entry | None:
        """The feasible trial with the least value."""
        return self.ranked[0] if self.ranked else None

    @property
    def baseline(self) -> Entry | None:
        """The engine's defaults, once measured."""
        return next((e for e in self.measured if e.label == "default"), None)

    @property
    def spent_s(self) -> float:
        """Engine-seconds of every trial."""
        return sum(e.seconds for e in self.entries)

    @property
    def typical_s(self) -> float:
        """What one more trial costs: the median of those that ran to the end, else the longest."""
        whole = [e.seconds for e in self.measured if e.outcome == COMPLETE]
        if whole:
            return statistics.median(whole)
        return max((e.seconds for e in self.measured), default=0.0)


def _entry(trial: FrozenTrial) -> Entry:
    attrs = trial.user_attrs
    return Entry(
        number=trial.number,
        key=attrs.get("key", ""),
        outcome=attrs["outcome"],
        value=attrs.get("value"),
        label=attrs.get("label", ""),
        settings=attrs.get("settings", {}),
        changes=attrs.get("changes", {}),
        metrics=attrs.get("metrics", {}),
        seconds=float(sum(attrs.get("seconds", {}).values())),
        failure=attrs.get("failure"),
        reason=attrs.get("reason"),
        values=dict(trial.params),
    )
