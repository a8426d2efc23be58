"""Decode rate: how fast the reply runs once it has begun."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, values_of
from autotune.scoring.quantile import median


class DecodeP50(Metric):
    """Median over turns of: (output tokens - 1) / (last delta - first delta)."""

    tag = "decode_p50_tps"
    unit = "tok/s"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Tokens per second."""
        return median(values_of(records, lambda r: r.decode_tps, "a decode rate"))
