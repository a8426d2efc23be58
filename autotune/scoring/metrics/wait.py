"""Total waiting time: what the medians cannot hide."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, values_of


class TotalWaitSeconds(Metric):
    """Sum over all turns, context edits included, of: end of stream - request sent.

    A reply that ended early counts as if it had gone on at its rate: see `TurnRecord.work_s`.
    """

    tag = "total_wait_s"
    unit = "s"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Seconds."""
        return sum(values_of(records, lambda r: r.work_s, "a wall time"))
