"""The table of the prefix-cache experiment by depth, as cells, and the lines under it."""

from __future__ import annotations

from collections.abc import Iterator

from autotune.report.text import ABSENT, duration, number, plural, share, times
from autotune.scoring.cache_buckets import BucketEffect
from autotune.scoring.cache_effect import CacheEffect

COLUMNS = (
    "\ndepth",
    "\nn",
    "TTFT, s\noff",
    "TTFT, s\non",
    "saved\ns",
    "95%\ninterval",
    "\nratio",
    "\nreused",
    "tok/s\noff",
    "tok/s\non",
)
"""TTFT p50/p95 without and with the cache, what was saved, the decode rates; in two lines."""

DIRECTIONAL = "*"


def cells(bucket: BucketEffect) -> tuple[str, ...]:
    """One row under `COLUMNS`."""
    return (
        bucket.bucket,
        f"{bucket.pairs}{DIRECTIONAL if bucket.directional else ''}",
        _both(bucket.ttft_cold_p50_s, bucket.ttft_cold_p95_s),
        _both(bucket.ttft_warm_p50_s, bucket.ttft_warm_p95_s),
        number(bucket.saved_p50_s),
        interval(bucket),
        times(bucket.ratio)
        if bucket.ratio is None or bucket.ratio < 10
        else f"{bucket.ratio:.0f}x",
        share(bucket.reused_share),
        number(bucket.decode_cold_p50_tps),
        number(bucket.decode_warm_p50_tps),
    )


def rows(effect: CacheEffect) -> tuple[tuple[str, ...], ...]:
    """A row a bucket; all turns below where there are several buckets."""
    shown = effect.buckets if len(effect.buckets) == 1 else (*effect.buckets, effect.overall)
    return tuple(map(cells, shown))


def interval(bucket: BucketEffect) -> str:
    """``4.31 to 12.5``, in seconds."""
    if bucket.saved_low_s is None or bucket.saved_high_s is None:
        return ABSENT
    return f"{_bound(bucket.saved_low_s)} to {_bound(bucket.saved_high_s)}"


def headline(effect: CacheEffect) -> str:
    """What reuse spared its user, in a sentence."""
    cold_s = sum(session.wait_cold_s for session in effect.sessions)
    warm_s = sum(session.wait_warm_s for session in effect.sessions)
    verb = "saved" if effect.saved_s >= 0 else "cost"
    over = f"{plural(len(effect.turns), 'turn')} of {plural(len(effect.sessions), 'session')}"
    return (
        f"Prefix reuse {verb} {_span(abs(effect.saved_s))} of waiting over {over}: "
        f"{_span(cold_s)} without, {_span(warm_s)} with"
    )


def notes(effect: CacheEffect) -> Iterator[str]:
    """What a reader of the table must know."""
    yield "off, on: TTFT p50/p95 without and with prefix reuse; tok/s: decode rate p50"
    yield f"saved: median of cold less warm TTFT by turn; the interval draws {effect.unit}"
    shown = (*effect.buckets, effect.overall)
    if any(bucket.directional for bucket in shown):
        yield f"{DIRECTIONAL} fewer than 5 turns: directional"
    for bucket in effect.buckets:
        if bucket.saves_nothing:
            yield f"{bucket.bucket}: prompt tokens were reused, and no time was saved for sure"
    yield from _doubts(effect)


def _doubts(effect: CacheEffect) -> Iterator[str]:
    if not effect.checked:
        yield "the engine does not report cached tokens: that cold turns were cold is not checked"
    if effect.unequal_prompts:
        told = plural(effect.unequal_prompts, "turn")
        yield f"{told} had prompts of different lengths in the two arms"
    if effect.unpaired:
        yield f"{plural(effect.unpaired, 'turn')} of one arm had no partner and were left out"


def _bound(seconds: float) -> str:
    """Hundredths are enough for an end of something, and 80 columns are few."""
    return f"{round(seconds, 2) + 0.0:.2f}" if abs(seconds) < 10 else number(seconds)


def _both(middle: float | None, high: float | None) -> str:
    return ABSENT if middle is None or high is None else f"{number(middle)}/{_bound(high)}"


def _span(seconds: float) -> str:
    return f"{number(seconds)} s" if seconds < 100 else duration(seconds)
