"""Seconds per turn: both scored metrics in the unit that a user feels."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric
from autotune.scoring.metrics.decode import DecodeP50
from autotune.scoring.metrics.output import MedianOutputTokens
from autotune.scoring.metrics.ttft import TtftP50


class TurnSeconds(Metric):
    """p50 TTFT + median output tokens / p50 decode rate, all over the same turns."""

    tag = "turn_s"
    unit = "s"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Seconds."""
        decode_s = MedianOutputTokens().compute(records) / DecodeP50().compute(records)
        return TtftP50().compute(records) + decode_s
