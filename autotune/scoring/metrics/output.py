"""How long the replies are."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, values_of
from autotune.scoring.quantile import median


class MedianOutputTokens(Metric):
    """Median over turns of the completion tokens that the engine reports."""

    tag = "median_output_tokens"
    unit = "tokens"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """Tokens."""
        return median(values_of(records, lambda r: r.output_tokens, "output tokens"))
