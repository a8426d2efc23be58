"""What a study already knows: every finished trial by its settings, the best, and the cost."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from autotune.search.planned import DEFAULT

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

COMPLETE = "complete"
STOPPED = "stopped-early"
INFEASIBLE = "infeasible"
DUPLICATE = "duplicate"
REFUSED = "refused"

AFTER_DRIFT = " after drift"
"""At the end of the label of a trial that was measured again because the machine had moved."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One finished trial. `value` is ``None`` when it was infeasible, an estimate when `STOPPED`.

    `values` are the search space's parameters, `settings` the engine flags that follow from them.
    `extras` is what was asked after its replay, by the question's name. `rungs` is what each rung
    of the ladder showed (`rung_looks`), `reached` the share of the plan's turns that were replayed.
    Of a study that several workers search, `worker` is who measured it, and `value` what it would
    have been on the host of the reference (`together`).
    `failure_facts` is what its failure says beside a kind and a reason (`feasibility`), `effective`
    what the engine said that it runs with.
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
    extras: Mapping[str, Any] = field(default_factory=dict)
    rungs: Sequence[Mapping[str, Any]] = ()
    reached: float = 1.0
    failure_facts: Mapping[str, Any] = field(default_factory=dict)
    effective: Mapping[str, Any] = field(default_factory=dict)
    worker: str = ""

    @property
    def is_after_drift(self) -> bool:
        """Whether it was measured again because the machine had moved."""
        return self.label.endswith(AFTER_DRIFT)


def arm_name(number: int) -> str:
    """How a trial is called in the turn log and on disk."""
    return f"trial-{number:04d}"


def is_trial_arm(arm: str) -> bool:
    """Whether `arm` is a trial of a search, and not of its confirmation."""
    return arm.startswith("trial-")


class Ledger:
    """Entries by settings; the search asks it before it launches anything.

    The best trial is measured again from time to time, and so may be one that was stopped early:
    all whole measurements of the same settings are looks at one candidate.
    """

    def __init__(self, trials: Iterable[FrozenTrial] = (), unfit: Iterable[str] = ()) -> None:
        """`unfit` are keys of configs that are not ranked: they did not hold (`hold`)."""
        self.entries: list[Entry] = []
        self._unfit = set(unfit)
        self._by_key: dict[str, list[Entry]] = {}
        self._ranking: list[Entry] | None = None
        every = list(trials)
        self.scales = scales(every)
        for trial in every:
            if "outcome" in trial.user_attrs:
                self.add(_entry(trial, self.scales))

    def add(self, entry: Entry) -> None:
        """Note a finished trial."""
        self._ranking = None
        self.entries.append(entry)
        self._by_key.setdefault(entry.key, []).append(entry)

    @property
    def unfit(self) -> frozenset[str]:
        """Keys of configs that are not ranked."""
        return frozenset(self._unfit)

    def of_worker(self, worker: str) -> Ledger:
        """What `worker` measured itself; everything where there is but one, without a name."""
        if not worker:
            return self
        return self._with(entry for entry in self.entries if entry.worker == worker)

    def beside(self, more: Iterable[Entry]) -> Ledger:
        """This ledger with more entries."""
        return self._with([*self.entries, *more])

    def _with(self, entries: Iterable[Entry]) -> Ledger:
        made = Ledger(unfit=self._unfit)
        for entry in entries:
            made.add(entry)
        return made

    def rule_out(self, key: str) -> None:
        """Rank these settings no more."""
        self._ranking = None
        self._unfit.add(key)

    def searched(self, fewer: str) -> Ledger:
        """This ledger as it was when the search ended: without the trials at its end whose label
        begins with `fewer`. Once the search has gone on behind them they are trials like others.
        """
        end = len(self.entries)
        while end and self.entries[end - 1].label.startswith(fewer):
            end -= 1
        return self._with(self.entries[:end])

    def find(self, key: str) -> Entry | None:
        """The trial that stands for these settings, if one does: whole before stopped early."""
        return next(iter([*self.looks(key), *self.tries(key)]), None)

    def tries(self, key: str) -> Sequence[Entry]:
        """Everything that is known of these settings, in order."""
        return self._by_key.get(key, ())

    def looks(self, key: str) -> list[Entry]:
        """Measurements of these settings that ran to the end with a value, in order.

        Those of before a drift of the machine count no more once there is one of after it.
        """
        whole = [e for e in self.tries(key) if e.outcome == COMPLETE and e.value is not None]
        fresh = [at for at, entry in enumerate(whole) if entry.is_after_drift]
        return whole[fresh[-1] :] if fresh else whole

    @property
    def measured(self) -> list[Entry]:
        """Trials that were launched: neither repeats nor refused before launch."""
        return [e for e in self.entries if e.outcome in {COMPLETE, STOPPED, INFEASIBLE}]

    @property
    def ranked(self) -> list[Entry]:
        """Candidates with a score, best first: the first look at each, with the median value.

        One that was stopped early has no score, only a guess; one that did not hold has no rank.
        """
        if self._ranking is None:
            self._ranking = self._ranked()
        return list(self._ranking)

    def _ranked(self) -> list[Entry]:
        fit = [key for key in self._by_key if key not in self._unfit]
        firsts = [looks for key in fit if (looks := self.looks(key))]
        rows = [replace(looks[0], value=_median_value(looks)) for looks in firsts]
        return sorted(rows, key=lambda e: (e.value, e.number))

    @property
    def best(self) -> Entry | None:
        """The feasible trial with the least value."""
        return next(iter(self.ranked), None)

    @property
    def baseline(self) -> Entry | None:
        """The engine's defaults, once measured."""
        return next((e for e in self.measured if e.label == DEFAULT), None)

    @property
    def spent_s(self) -> float:
        """Engine-seconds of every trial."""
        return sum(e.seconds for e in self.entries)

    @property
    def typical_s(self) -> float:
        """What one more trial costs: the median of those that ran to the end, else the longest.

        Of an even number the lower one: the first trial of a study, on cold files, is often dear,
        and the second must not be taken for that.
        """
        whole = [e.seconds for e in self.measured if e.outcome == COMPLETE]
        if whole:
            return statistics.median_low(whole)
        return max((e.seconds for e in self.measured), default=0.0)


def _median_value(looks: Sequence[Entry]) -> float:
    return statistics.median(e.value for e in looks if e.value is not None)


def scales(trials: Iterable[FrozenTrial]) -> Mapping[str, float]:
    """By worker: what its times are multiplied with, so that its default is the reference.

    Hosts differ: what a worker measures is worth ``raw / its own default * the reference``, the
    reference being the study's first whole default. Empty where no worker has a name.
    """
    own: dict[str, float] = {}
    for trial in trials:
        attrs = trial.user_attrs
        is_whole = attrs.get("label") == DEFAULT and attrs.get("outcome") == COMPLETE
        if is_whole and attrs.get("raw_value"):
            own.setdefault(attrs["worker"], attrs["raw_value"])
    reference = next(iter(own.values()), 0.0)
    return {worker: reference / value for worker, value in own.items()}


def _entry(trial: FrozenTrial, factors: Mapping[str, float]) -> Entry:
    attrs = trial.user_attrs
    worker, value = str(attrs.get("worker", "")), attrs.get("value")
    if attrs.get("raw_value") is not None:
        value = attrs["raw_value"] * factors.get(worker, 1.0)
    return Entry(
        number=trial.number,
        key=attrs.get("key", ""),
        outcome=attrs["outcome"],
        value=value,
        label=attrs.get("label", ""),
        settings=attrs.get("settings", {}),
        changes=attrs.get("changes", {}),
        metrics=attrs.get("metrics", {}),
        seconds=float(sum(attrs.get("seconds", {}).values())),
        failure=attrs.get("failure"),
        reason=attrs.get("reason"),
        values=dict(trial.params),
        extras=attrs.get("extras", {}),
        rungs=tuple(attrs.get("rungs", ())),
        reached=float(attrs.get("reached", 1.0)),
        failure_facts=attrs.get("failure_facts", {}),
        effective=attrs.get("effective", {}),
        worker=worker,
    )
