"""One class a metric: tag, unit, formula; `NoMetricValue` where it cannot be computed."""

from __future__ import annotations

from autotune.scoring.metrics.base import Metric, NoMetricValue
from autotune.scoring.metrics.cache import CachedShare
from autotune.scoring.metrics.decode import DecodeP50
from autotune.scoring.metrics.draft import DraftAcceptance
from autotune.scoring.metrics.output import MedianOutputTokens
from autotune.scoring.metrics.ttft import TtftP50, TtftP95
from autotune.scoring.metrics.turn import TurnSeconds
from autotune.scoring.metrics.wait import TotalWaitSeconds

METRICS: tuple[Metric, ...] = (
    TtftP50(),
    TtftP95(),
    DecodeP50(),
    MedianOutputTokens(),
    TurnSeconds(),
    TotalWaitSeconds(),
    CachedShare(),
    DraftAcceptance(),
)

__all__ = [
    "METRICS",
    "CachedShare",
    "DecodeP50",
    "DraftAcceptance",
    "MedianOutputTokens",
    "Metric",
    "NoMetricValue",
    "TotalWaitSeconds",
    "TtftP50",
    "TtftP95",
    "TurnSeconds",
]
