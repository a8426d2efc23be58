"""The recorded measurer: answers from a finished study, without an engine."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.candidate import Candidate, Setting
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Enough, Measurement, RecordSink, TrialSeconds, never


@dataclass(frozen=True, slots=True)
class RecordedTrial:
    """One trial as a study left it: its settings, its records or its failure.

    `extras` is what was asked after its replay; a trial that is left early has none of it.
    """

    settings: Mapping[str, Setting]
    records: tuple[TurnRecord, ...]
    failure: str | None
    reason: str | None
    seconds: TrialSeconds
    extras: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    effective: Mapping[str, Setting] = field(default_factory=dict)
    asked: tuple[tuple[str, int], ...] | None = None
    name: str = ""


class RecordedMeasurer:
    """Looks a candidate up among recorded trials.

    A candidate that was never measured gets the nearest recorded one (Gower distance over the
    flags that vary: equal or not for words, share of the range for numbers), so that any sampler
    can be run over a table of real measurements. Ties go to the earlier trial.
    """

    def __init__(self, trials: Sequence[RecordedTrial]) -> None:
        if not trials:
            raise UserError("the study has no measured trial", "run 'autotune run' on it first")
        self._trials = list(trials)
        self._ranges = _ranges(t.settings for t in trials)

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
        """The recorded measurement, under the asked arm and block.

        Left early, it costs what the turns that it gave took: the rest of the replay is taken off.
        """
        found = min(self._trials, key=lambda t: self.distance(candidate.settings, t.settings))
        records: list[TurnRecord] = []
        for recorded in found.records:
            if enough():
                break
            records.append(replace(recorded, arm=arm, block=block))
            sink(records[-1])
        left_s = sum(r.wall_s or 0.0 for r in found.records[len(records) :])
        seconds = replace(found.seconds, replay_s=max(0.0, found.seconds.replay_s - left_s))
        failure = None
        if found.failure is not None:
            failure = Failure(FailureKind(found.failure), found.reason or "recorded failure")
        whole = len(records) == len(found.records)
        return Measurement(
            candidate, arm, block, tuple(records), failure, seconds, whole=whole,
            effective=found.settings, extras=found.extras if whole else {},
        )  # fmt: skip

    def distance(self, a: Mapping[str, Setting], b: Mapping[str, Setting]) -> float:
        """0 for equal settings, 1 for settings with nothing in common."""
        names = set(a) | set(b)
        return sum(self._apart(n, a.get(n), b.get(n)) for n in names) / max(len(names), 1)

    def _apart(self, name: str, a: Setting | None, b: Setting | None) -> float:
        if a == b:
            return 0.0
        low, high = self._ranges.get(name, (0.0, 0.0))
        if _is_number(a) and _is_number(b) and high > low:
            return min(1.0, abs(_place(a) - _place(b)) / (high - low))
        return 1.0


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _place(value: object) -> float:
    """Numbers on a log scale: settings double rather than add."""
    return math.log2(1.0 + max(0.0, float(str(value))))


def _ranges(tables: Iterable[Mapping[str, Setting]]) -> dict[str, tuple[float, float]]:
    found: dict[str, tuple[float, float]] = {}
    for settings in tables:
        for name, value in settings.items():
            if _is_number(value):
                place = _place(value)
                low, high = found.get(name, (place, place))
                found[name] = (min(low, place), max(high, place))
    return found
