"""What each change of a config is worth: its speed with the change over its speed without it.

Measured where it can be: in runs made for that (`leave_one_out`), or between two trials of the
search that differ in this change alone. Where neither was, the surrogate's guess stands, and says
that it is one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.records import TurnRecord
from autotune.scoring.interval import Comparison, Floor, compare
from autotune.scoring.metrics import NoMetricValue
from autotune.search.change_groups import Group
from autotune.search.judge import Judge
from autotune.search.ledger import COMPLETE, STOPPED, Entry, Ledger, arm_name
from autotune.search.space import Space, to_settings
from autotune.search.surrogate import Surrogate

MEASURED, ESTIMATE = "measured", "estimate"

TWO_SIDED = 1.96
"""Standard deviations of a normal variable that hold 95 of 100."""


class Basis(StrEnum):
    """What an effect rests on."""

    RUNS = "runs of their own, interleaved"
    TRIALS = "trials of the search"
    ALIKE = "the engine runs both alike"
    FAILED = "it does not run without"
    GUESS = "the surrogate of the search"


@dataclass(frozen=True, slots=True, kw_only=True)
class Effect:
    """One group of changes. `ratio` above 1: the config is faster with it; bounds are 95%.

    `failure` says why there is no config without it; then it has no ratio. `pairs` is how many
    turns were laid side by side, 0 for a guess.
    """

    group: Group
    basis: Basis
    ratio: float | None = None
    low: float | None = None
    high: float | None = None
    pairs: int = 0
    failure: str | None = None

    @property
    def source(self) -> str:
        """``measured`` or ``estimate``."""
        return ESTIMATE if self.basis is Basis.GUESS else MEASURED

    def to_json(self) -> dict[str, Any]:
        """As in ``summary.effects``."""
        return {
            **self.group.to_json(),
            "ratio": self.ratio,
            "low": self.low,
            "high": self.high,
            "source": self.source,
            "basis": self.basis.value,
            "pairs": self.pairs,
            "failure": self.failure,
        }


Effects = Mapping[str, Effect]
"""By the group's name."""

Find = Callable[[Candidate], Entry | None]
"""The trial that stands for a candidate: of the same settings, or that the engine runs alike."""


def of_comparison(group: Group, found: Comparison, basis: Basis) -> Effect:
    """The worth of `group` by a comparison of the config without it (first) and with it."""
    return Effect(
        group=group,
        basis=basis,
        ratio=found.ratio,
        low=found.low,
        high=found.high,
        pairs=found.pairs,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Searched:
    """What a search has left to tell effects by. `floor` is the machine's noise by metric."""

    space: Space
    ledger: Ledger
    find: Find
    judge: Judge
    read_turns: Callable[[], Iterable[TurnRecord]]
    floor: Floor
    seed: int = 0

    def effects(self, entry: Entry, groups: Sequence[Group]) -> dict[str, Effect]:
        """Of each group without which `entry` was a trial as well."""
        others = {g.name: self.find(self.candidate(g.without)) for g in groups}
        known = {name: other for name, other in others.items() if other is not None}
        records = self._records([entry, *known.values()])
        found = {
            group.name: self._effect(group, entry, known[group.name], records)
            for group in groups
            if group.name in known
        }
        return {name: effect for name, effect in found.items() if effect is not None}

    def candidate(self, values: Mapping[str, Setting]) -> Candidate:
        """What parameter values launch."""
        return Candidate(to_settings(self.space, values))

    def _effect(
        self,
        group: Group,
        entry: Entry,
        other: Entry,
        records: Mapping[int, Sequence[TurnRecord]],
    ) -> Effect | None:
        if other.key == entry.key:
            return Effect(group=group, basis=Basis.ALIKE, ratio=1.0, low=1.0, high=1.0)
        if other.value is None:
            why = f"{other.failure}: {other.reason}"
            return Effect(group=group, basis=Basis.FAILED, failure=why)
        try:
            found = compare(
                records.get(self._last_look(other), ()),
                records.get(self._last_look(entry), ()),
                objective=self.judge.objective,
                keys=self.judge.at_depth,
                seed=self.seed,
                floor=self.floor,
            )
        except NoMetricValue:
            return None
        return of_comparison(group, found, Basis.TRIALS)

    def _last_look(self, entry: Entry) -> int:
        """The newest trial of these settings that left turns to compare."""
        looks = self.ledger.looks(entry.key)
        tries = [e for e in self.ledger.tries(entry.key) if e.outcome in (COMPLETE, STOPPED)]
        return (looks or tries or [entry])[-1].number

    def _records(self, entries: Iterable[Entry]) -> dict[int, list[TurnRecord]]:
        numbers = {arm_name(n): n for e in entries for n in [self._last_look(e)]}
        found: dict[int, list[TurnRecord]] = {}
        for record in self.read_turns():
            if record.arm in numbers and record.ok:
                found.setdefault(numbers[record.arm], []).append(record)
        return found


def guessed(surrogate: Surrogate, entry: Entry, groups: Sequence[Group]) -> dict[str, Effect]:
    """What the search's surrogate expects of every group, with how sure it is."""
    if not groups:
        return {}
    mean, covariance = surrogate.joint([entry.values, *(g.without for g in groups)])
    found = {}
    for at, group in enumerate(groups, start=1):
        worth = float(mean[at] - mean[0])
        variance = float(covariance[at, at] + covariance[0, 0] - 2 * covariance[0, at])
        reach = TWO_SIDED * math.sqrt(max(0.0, variance))
        found[group.name] = Effect(
            group=group,
            basis=Basis.GUESS,
            ratio=math.exp(worth),
            low=math.exp(worth - reach),
            high=math.exp(worth + reach),
        )
    return found


def ordered(groups: Sequence[Group], *known: Effects) -> tuple[Effect, ...]:
    """An effect for each group: of the first of `known` that has one; the greatest worth first."""
    rows = [next((k[g.name] for k in known if g.name in k), None) for g in groups]
    return tuple(sorted((r for r in rows if r is not None), key=_rank))


def _rank(effect: Effect) -> float:
    return -math.inf if effect.ratio is None else -effect.ratio
