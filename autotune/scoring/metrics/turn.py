"""Seconds per turn: both scored metrics in the unit that a user feels."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, values_of
from autotune.scoring.metrics.decode import DecodeP50
from autotune.scoring.metrics.ttft import TtftP50
from autotune.scoring.quantile import median


class TurnSeconds(Metric):
    """p50 TTFT + median output tokens / p50 decode rate, all over the same turns.

    A reply that ended early counts with the tokens asked for: see `TurnRecord.work_tokens`.
    """

    tag = "turn_s"
    unit = "s"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Seconds."""
        tokens = median(values_of(records, lambda r: r.work_tokens, "output tokens"))
        return TtftP50().compute(records) + tokens / DecodeP50().compute(records)
