"""From a measurement to the number that the search minimises."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.scoring.score import Score, score
from autotune.trial.measurement import Measurement

TurnKey = tuple[str, int]


@dataclass(frozen=True, slots=True)
class Judge:
    """How this study scores: the objective, and the turns that are at depth.

    The turns at depth are chosen once, by the survey's count, and are the same for every
    candidate: a reply that shifts a prompt over a bucket's edge must not change who is compared.
    """

    objective: Objective
    at_depth: frozenset[TurnKey]

    def score(self, records: Iterable[TurnRecord]) -> Score:
        """Metrics over the turns at depth; total waiting time is over all of them."""
        return score(list(records), at_depth=self.at_depth, objective=self.objective)

    def turn_seconds(self, record: TurnRecord) -> float | None:
        """The objective of one turn in seconds; ``None`` when the score leaves it out."""
        named = (record.session_id, record.turn) in self.at_depth
        if not named or not record.ok or record.boundary is not None:
            return None
        return self.objective.turn_seconds(record)

    def judge(self, measurement: Measurement) -> Judged:
        """The value to minimise, or why there is none."""
        if measurement.failure is not None:
            failure = measurement.failure
            return Judged(None, None, failure.kind.value, failure.message)
        result = self.score(measurement.records)
        if result.value is None:
            return Judged(result, None, "no-metric", result.reason or "a metric is missing")
        return Judged(result, result.value, None, None)


@dataclass(frozen=True, slots=True)
class Judged:
    """A score or a failure, never both halves empty.

    `partial`: the trial was stopped early, and `value` is an estimate by the turns it shared with
    the best one; the score is over the turns it did.
    """

    score: Score | None
    value: float | None
    failure: str | None
    reason: str | None
    partial: bool = False

    @property
    def metrics(self) -> dict[str, Any]:
        """Every metric by name, for storage."""
        return {} if self.score is None else asdict(self.score)
