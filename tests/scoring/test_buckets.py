"""Turns by depth."""

from __future__ import annotations

from collections.abc import Callable

from autotune.records import TurnRecord
from autotune.scoring.buckets import bucket_table, deepest_bucket, deepest_range, within
from autotune.workload.depth import DepthBuckets, DepthRange

Record = Callable[..., TurnRecord]


def test_a_row_for_each_bucket_with_turns(record: Record) -> None:
    records = [
        record(0, depth_tokens=9_999, ttft_s=1.0),
        record(1, depth_tokens=10_000, ttft_s=2.0, cached_tokens=5_000),
        record(2, depth_tokens=20_000, ttft_s=4.0, cached_tokens=10_000),
        record(3, depth_tokens=200_000, ttft_s=9.0, boundary="compaction"),
        record(4, depth_tokens=None, ttft_s=9.0),
        record(5, depth_tokens=500, ttft_s=9.0, failure="hang"),
    ]
    shallow, middle = bucket_table(records)
    assert (shallow.bucket, shallow.turns, shallow.ttft_p50_s) == ("0-10k", 1, 1.0)
    assert (middle.bucket, middle.turns, middle.ttft_p50_s) == ("10-30k", 2, 3.0)
    assert middle.cached_share == 0.5
    assert shallow.cached_share is None
    assert shallow.turn_s == 2.0  # 1 + 10 / 10


def test_at_depth_is_the_deepest_bucket_with_enough_turns(record: Record) -> None:
    records = [record(at, depth_tokens=12_000) for at in range(5)]
    records += [record(at, depth_tokens=70_000) for at in range(5, 9)]
    assert deepest_bucket(records) == DepthRange(10_000, 30_000)
    assert deepest_bucket(records, min_turns=4) == DepthRange(60_000, 120_000)
    assert deepest_bucket(records[:4]) is None
    edges = DepthBuckets((5_000,))
    assert deepest_bucket(records, buckets=edges) == DepthRange(5_000)


def test_turns_behind_an_edit_do_not_fill_a_bucket(record: Record) -> None:
    records = [record(at, depth_tokens=40_000, boundary="edit") for at in range(9)]
    assert deepest_bucket(records) is None
    assert within(records, DepthRange(0)) == []


def test_depths_alone_are_enough() -> None:
    assert deepest_range([1, 2, 31_000, 32_000], min_turns=2) == DepthRange(30_000, 60_000)
    assert deepest_range([]) is None
