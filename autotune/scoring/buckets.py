"""Turns by depth: the table of a score, and which bucket counts as "at depth"."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from autotune.records import TurnRecord
from autotune.scoring.metrics import (
    CachedShare,
    DecodeP50,
    TotalWaitSeconds,
    TtftP50,
    TtftP95,
    TurnSeconds,
)
from autotune.scoring.warmth import KindScore, RecordKey, Warmth, kind_table, kinds_of
from autotune.workload.depth import DepthBuckets, DepthRange

MIN_TURNS = 5
"""Below five turns a median is a single turn's luck."""

ALL_TURNS = "all"
"""The label of a score over every turn, where no depth could be singled out."""


@dataclass(frozen=True, slots=True)
class BucketScore:
    """One row of the table. Absent is ``None``.

    `kinds` tells its cold, partial and warm turns apart, a row for each that there are.
    """

    bucket: str
    turns: int
    ttft_p50_s: float | None
    ttft_p95_s: float | None
    decode_p50_tps: float | None
    turn_s: float | None
    cached_share: float | None
    total_wait_s: float | None = None
    kinds: tuple[KindScore, ...] = ()


def bucket_score(
    label: str, records: Sequence[TurnRecord], kinds: dict[RecordKey, Warmth] | None = None
) -> BucketScore:
    """The row over the good turns of `records`; `kinds` are those of the whole measurement."""
    good = [r for r in records if r.ok]
    return BucketScore(
        bucket=label,
        turns=len(good),
        ttft_p50_s=TtftP50().value(good),
        ttft_p95_s=TtftP95().value(good),
        decode_p50_tps=DecodeP50().value(good),
        turn_s=TurnSeconds().value(good),
        cached_share=CachedShare().value(good),
        total_wait_s=TotalWaitSeconds().value(good),
        kinds=kind_table(good, kinds),
    )


def bucket_table(
    records: Sequence[TurnRecord], buckets: DepthBuckets | None = None
) -> tuple[BucketScore, ...]:
    """A row a bucket that has turns, shallow to deep. Context edits are not in it."""
    ranges, kinds = (buckets or DepthBuckets()).ranges, kinds_of(records)
    rows = (bucket_score(str(depth), within(records, depth), kinds) for depth in ranges)
    return tuple(row for row in rows if row.turns)


def within(records: Sequence[TurnRecord], depth: DepthRange) -> list[TurnRecord]:
    """The turns whose depth is in `depth`, but for those behind a context edit.

    A session's first turn is cold by right and belongs to its bucket like any other. A turn with
    a boundary (compaction, edit, resume, fork, sub-agent) is cold for a reason of the capture's
    and is scored apart.
    """
    regular = (r for r in records if r.boundary is None and r.depth_tokens is not None)
    return [r for r in regular if r.depth_tokens is not None and r.depth_tokens in depth]


def deepest_bucket(
    records: Sequence[TurnRecord],
    *,
    min_turns: int = MIN_TURNS,
    buckets: DepthBuckets | None = None,
) -> DepthRange | None:
    """The deepest bucket with at least `min_turns` turns; ``None`` (all turns) without one."""
    regular = (r.depth_tokens for r in records if r.boundary is None)
    return deepest_range((d for d in regular if d is not None), min_turns, buckets)


def deepest_range(
    depths: Iterable[int], min_turns: int = MIN_TURNS, buckets: DepthBuckets | None = None
) -> DepthRange | None:
    """`deepest_bucket` for depths in tokens that no record carries yet."""
    found = list(depths)
    for depth in reversed((buckets or DepthBuckets()).ranges):
        if sum(tokens in depth for tokens in found) >= min_turns:
            return depth
    return None
