"""How much of the prompts the engine says it reused."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord
from autotune.scoring.metrics.base import Metric, NoMetricValue


class CachedShare(Metric):
    """Sum of cached tokens / sum of prompt tokens, over the turns that report both.

    An engine that reports no cached tokens has no share; that is not a share of zero.
    """

    tag = "cached_share"
    unit = "1"

    def compute(self, records: Sequence[TurnRecord]) -> float:
        """A share from 0 to 1."""
        told = [
            (r.cached_tokens, r.depth_tokens)
            for r in records
            if r.ok and r.cached_tokens is not None and r.depth_tokens
        ]
        if not told:
            raise NoMetricValue("no good turn reports cached tokens and depth")
        return sum(cached for cached, _ in told) / sum(depth for _, depth in told)
