"""Each metric by hand, and its absence."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.records import TurnRecord
from autotune.scoring.metrics import METRICS
from autotune.scoring.metrics.base import NoMetricValue
from autotune.scoring.metrics.cache import CachedShare
from autotune.scoring.metrics.decode import DecodeP50
from autotune.scoring.metrics.draft import DraftAcceptance
from autotune.scoring.metrics.output import MedianOutputTokens
from autotune.scoring.metrics.ttft import TtftP50, TtftP95
from autotune.scoring.metrics.turn import TurnSeconds
from autotune.scoring.metrics.wait import TotalWaitSeconds

Record = Callable[..., TurnRecord]


def test_every_metric_by_hand(record: Record) -> None:
    records = [
        record(0, ttft_s=4.0, decode_tps=20.0, output_tokens=40, wall_s=6.0, depth_tokens=100,
               cached_tokens=0, draft_tokens=10, draft_accepted_tokens=5),
        record(1, ttft_s=1.0, decode_tps=10.0, output_tokens=20, wall_s=3.0, depth_tokens=300,
               cached_tokens=200, draft_tokens=30, draft_accepted_tokens=7),
        record(2, ttft_s=2.0, decode_tps=5.0, output_tokens=10, wall_s=4.5, depth_tokens=400,
               cached_tokens=None),
    ]  # fmt: skip
    assert TtftP50().compute(records) == 2.0
    assert TtftP95().compute(records) == pytest.approx(3.8)  # 2 + 0.9 * (4 - 2)
    assert DecodeP50().compute(records) == 10.0
    assert MedianOutputTokens().compute(records) == 20.0
    assert TurnSeconds().compute(records) == 4.0  # 2 + 20 / 10
    assert TotalWaitSeconds().compute(records) == 13.5
    assert CachedShare().compute(records) == 0.5  # 200 of 400; the third turn says nothing
    assert DraftAcceptance().compute(records) == 0.3  # 12 of 40


def test_no_records_have_no_metrics() -> None:
    for metric in METRICS:
        with pytest.raises(NoMetricValue):
            metric.compute([])
        assert metric.value([]) is None


def test_what_no_turn_reports_is_absent_not_zero(record: Record) -> None:
    silent = [record(ttft_s=None, decode_tps=None, output_tokens=None, wall_s=None)]
    for metric in METRICS:
        assert metric.value(silent) is None
    assert CachedShare().value([record(cached_tokens=0)]) == 0.0
    assert DraftAcceptance().value([record(draft_tokens=0, draft_accepted_tokens=0)]) is None


def test_a_failed_turn_is_never_looked_at(record: Record) -> None:
    records = [record(0), record(1, ttft_s=0.001, wall_s=0.001, failure="bad-reply")]
    assert TtftP50().compute(records) == 1.0
    assert TotalWaitSeconds().compute(records) == 2.0


def test_tags_carry_their_unit_and_are_unique() -> None:
    tags = [metric.tag for metric in METRICS]
    assert len(set(tags)) == len(METRICS)
    assert all(metric.__doc__ for metric in METRICS)
