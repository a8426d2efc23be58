"""Warm and cold turns by depth: medians, and what reuse saved with its interval."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.scoring.buckets import ALL_TURNS, MIN_TURNS
from autotune.scoring.pairs import Pair
from autotune.scoring.quantile import median, quantile
from autotune.scoring.resampling import draws
from autotune.workload.depth import DepthBuckets, DepthRange

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
_FEWEST = 2
"""Of one turn alone nothing can be drawn: it has no interval."""

Read = Callable[[TurnRecord], float | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class BucketEffect:
    """The turns of one depth. Absent is ``None``; seconds are medians unless they say p95.

    Attributes:
        turns: how many turns; `pairs` is turns times the blocks in which they were measured.
        sessions: how many sessions they come from.
        reusing: pairs whose warm turn says it reused something.
        reused_share: reused tokens over prompt tokens, of the warm turns.
        saved_p50_s: the median over pairs of cold less warm TTFT; not the difference of medians.
        saved_low_s, saved_high_s: its 95% interval; ``None`` for a single pair.
        ratio: cold p50 TTFT over warm p50 TTFT.
    """

    bucket: str
    turns: int
    pairs: int
    sessions: int
    reusing: int
    depth_p50_tokens: float | None
    reused_p50_tokens: float | None
    reused_share: float | None
    ttft_warm_p50_s: float | None
    ttft_cold_p50_s: float | None
    ttft_warm_p95_s: float | None
    ttft_cold_p95_s: float | None
    saved_p50_s: float | None
    saved_low_s: float | None
    saved_high_s: float | None
    ratio: float | None
    decode_warm_p50_tps: float | None
    decode_cold_p50_tps: float | None

    @property
    def directional(self) -> bool:
        """Whether there are too few turns to go by."""
        return self.turns < MIN_TURNS

    @property
    def saves_nothing(self) -> bool:
        """Whether tokens were reused and yet the interval of what was saved is not above zero.

        Not said of fewer than five turns.
        """
        if self.directional or self.reusing == 0:
            return False
        return self.saved_low_s is not None and self.saved_low_s <= 0


def by_depth(
    pairs: Sequence[Pair], buckets: DepthBuckets, seed: int, resamples: int
) -> tuple[BucketEffect, ...]:
    """A row a bucket that has turns, shallow to deep, by the cold arm's count.

    Turns behind a context edit are in none, as in every table.
    """
    rows = []
    for depth in buckets.ranges:
        chosen = [pair for pair in pairs if _is_in(pair.default, depth)]
        if chosen:
            rows.append(_bucket(str(depth), chosen, seed, resamples)[1])
    return tuple(rows)


def all_turns(pairs: Sequence[Pair], seed: int, resamples: int) -> tuple[str, BucketEffect]:
    """What the bootstrap drew, and every pair as one row."""
    return _bucket(ALL_TURNS, pairs, seed, resamples)


def _is_in(record: TurnRecord, depth: DepthRange) -> bool:
    tokens = record.depth_tokens
    return record.boundary is None and tokens is not None and tokens in depth


def _bucket(
    name: str, pairs: Sequence[Pair], seed: int, resamples: int
) -> tuple[str, BucketEffect]:
    colds, warms = [p.default for p in pairs], [p.candidate for p in pairs]
    unit, saved, low, high = _saved(pairs, seed, resamples)
    cold, warm = _values(colds, _ttft), _values(warms, _ttft)
    cold_p50, warm_p50 = _median(cold), _median(warm)
    return unit, BucketEffect(
        bucket=name,
        turns=len({(p.session_id, p.default.turn) for p in pairs}),
        pairs=len(pairs),
        sessions=len({p.session_id for p in pairs}),
        reusing=sum(bool(r.cached_tokens) for r in warms),
        depth_p50_tokens=_median(_values(colds, lambda r: r.depth_tokens)),
        reused_p50_tokens=_median(_values(warms, lambda r: r.cached_tokens)),
        reused_share=_share(warms),
        ttft_warm_p50_s=warm_p50,
        ttft_cold_p50_s=cold_p50,
        ttft_warm_p95_s=quantile(warm, 0.95) if warm else None,
        ttft_cold_p95_s=quantile(cold, 0.95) if cold else None,
        saved_p50_s=saved,
        saved_low_s=low,
        saved_high_s=high,
        ratio=cold_p50 / warm_p50 if cold_p50 is not None and warm_p50 else None,
        decode_warm_p50_tps=_median(_values(warms, lambda r: r.decode_tps)),
        decode_cold_p50_tps=_median(_values(colds, lambda r: r.decode_tps)),
    )


def _saved(
    pairs: Sequence[Pair], seed: int, resamples: int
) -> tuple[str, float | None, float | None, float | None]:
    """What was drawn, the median of cold less warm TTFT, and the bounds of its interval."""
    import numpy as np

    timed = [p for p in pairs if _ttft(p.default) is not None and _ttft(p.candidate) is not None]
    unit, indices = draws(timed or pairs, seed, resamples)
    if not timed:
        return unit, None, None, None
    saved = np.array([(p.default.ttft_s or 0.0) - (p.candidate.ttft_s or 0.0) for p in timed])
    point = float(np.median(saved))
    if len(timed) < _FEWEST:
        return unit, point, None, None
    low, high = _percentiles(saved, indices)
    return unit, point, low, high


def _percentiles(values: np.ndarray, indices: Sequence[np.ndarray]) -> tuple[float, float]:
    """The interval of the median, from its values over the draws."""
    import numpy as np

    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile([np.median(values[rows]) for rows in indices], [tail, 1 - tail])
    return float(low), float(high)


def _ttft(record: TurnRecord) -> float | None:
    return record.ttft_s


def _values(records: Sequence[TurnRecord], read: Read) -> list[float]:
    return [value for record in records if (value := read(record)) is not None]


def _median(values: Sequence[float]) -> float | None:
    return median(values) if values else None


def _share(records: Sequence[TurnRecord]) -> float | None:
    told = [
        (r.cached_tokens, r.depth_tokens)
        for r in records
        if r.cached_tokens is not None and r.depth_tokens
    ]
    return sum(c for c, _ in told) / sum(d for _, d in told) if told else None
