"""How well speculation guesses."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, NoMetricValue


class DraftAcceptance(Metric):
    """Sum of accepted draft tokens / sum of drafted tokens, over the turns that report both."""

    tag = "draft_acceptance"
    unit = "1"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """A share from 0 to 1."""
        told = [
            (r.draft_accepted_tokens, r.draft_tokens)
            for r in records
            if r.ok and r.draft_tokens and r.draft_accepted_tokens is not None
        ]
        if not told:
            raise NoMetricValue("no good turn reports draft tokens")
        return sum(accepted for accepted, _ in told) / sum(drafted for _, drafted in told)
