"""Time to first token: what a user waits before anything appears."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, values_of
from autotune.scoring.quantile import quantile


class TtftP50(Metric):
    """Median over turns of: first non-empty delta - request sent."""

    tag = "ttft_p50_s"
    unit = "s"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Seconds."""
        return quantile(values_of(records, lambda r: r.ttft_s, "a time to first token"), 0.5)


class TtftP95(Metric):
    """95th percentile over turns of the same: the rare full re-prefill that a median hides."""

    tag = "ttft_p95_s"
    unit = "s"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Seconds."""
        return quantile(values_of(records, lambda r: r.ttft_s, "a time to first token"), 0.95)
