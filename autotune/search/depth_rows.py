"""Two scores laid side by side: a row for every depth bucket that has turns."""

from __future__ import annotations

from autotune.scoring.buckets import BucketScore
from autotune.scoring.score import Score
from autotune.search.events import BucketRow


def rows_of_buckets(before: Score | None, after: Score | None) -> tuple[BucketRow, ...]:
    """The default's buckets, each beside the other config's; empty without a default."""
    others = {row.bucket: row for row in after.buckets} if after else {}
    return tuple(_row(row, others.get(row.bucket)) for row in (before.buckets if before else ()))


def _row(old: BucketScore, new: BucketScore | None) -> BucketRow:
    return BucketRow(
        bucket=old.bucket,
        turns=old.turns,
        ttft_p50_s_before=old.ttft_p50_s,
        ttft_p50_s_after=new.ttft_p50_s if new else None,
        ttft_p95_s_before=old.ttft_p95_s,
        ttft_p95_s_after=new.ttft_p95_s if new else None,
        decode_p50_tps_before=old.decode_p50_tps,
        decode_p50_tps_after=new.decode_p50_tps if new else None,
        cached_share_before=old.cached_share,
        cached_share_after=new.cached_share if new else None,
        total_wait_s_before=old.total_wait_s,
        total_wait_s_after=new.total_wait_s if new else None,
        kinds_before=old.kinds,
        kinds_after=new.kinds if new else (),
    )
