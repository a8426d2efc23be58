"""Two scores laid side by side."""

from __future__ import annotations

from autotune.records import TurnRecord
from autotune.scoring.score import Score, score
from autotune.search.depth_rows import rows_of_buckets


def scored(*depths: int, ttft_s: float) -> Score:
    records = [
        TurnRecord(
            arm="a", block=0, order=at, session_id="s", turn=at, started_at="",
            asked_output_tokens=10, depth_tokens=depth, cached_tokens=depth - 300 if at else 0,
            output_tokens=10, ttft_s=ttft_s, decode_tps=10.0, wall_s=ttft_s + 1,
        )
        for at, depth in enumerate(depths)
    ]  # fmt: skip
    return score(records)


def test_a_row_for_each_bucket_of_the_default() -> None:
    before = scored(8_000, 8_300, 12_000, ttft_s=2.0)
    after = scored(8_000, 8_300, 8_600, ttft_s=1.0)
    shallow, deep = rows_of_buckets(before, after)
    assert (shallow.bucket, shallow.turns) == ("0-10k", 2)
    assert (shallow.ttft_p95_s_before, shallow.ttft_p95_s_after) == (2.0, 1.0)
    assert (shallow.total_wait_s_before, shallow.total_wait_s_after) == (6.0, 6.0)
    assert [(k.kind, k.turns) for k in shallow.kinds_before] == [("cold", 1), ("warm", 1)]
    assert [(k.kind, k.turns) for k in shallow.kinds_after] == [("cold", 1), ("warm", 2)]
    # In the other config that turn was a little shallower.
    assert (deep.bucket, deep.ttft_p50_s_before, deep.ttft_p50_s_after) == ("10-30k", 2.0, None)
    assert (deep.total_wait_s_after, deep.kinds_after) == (None, ())


def test_without_scores_there_are_no_rows() -> None:
    one = scored(8_000, ttft_s=1.0)
    assert rows_of_buckets(None, one) == ()
    (row,) = rows_of_buckets(one, None)
    assert (row.ttft_p50_s_before, row.ttft_p50_s_after) == (1.0, None)
