"""One recorded turn under other circumstances: slower, shorter, or with more to prefill."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from autotune.records import TurnRecord


def slower(record: TurnRecord, first: float, decoding: float) -> TurnRecord:
    """`record` with its time to the first token times `first`, each further one's `decoding`.

    The engine's own seconds change alike: it was slow, and not the client.
    """
    if record.ttft_s is None:
        return record
    changed = replace(
        record,
        ttft_s=record.ttft_s * first,
        decode_tps=_times(record.decode_tps, 1 / decoding),
        server_prefill_s=_times(record.server_prefill_s, first),
        server_decode_s=_times(record.server_decode_s, decoding),
    )
    return _with_wall(record, changed)


def shorter(record: TurnRecord, tokens: int) -> TurnRecord:
    """`record` with a reply of `tokens` at most, at its own decode rate."""
    said = record.output_tokens
    asked = min(tokens, record.asked_output_tokens or tokens)
    if said is None or said <= tokens:
        return replace(record, asked_output_tokens=asked)
    kept = tokens / said
    changed = replace(
        record,
        asked_output_tokens=asked,
        output_tokens=tokens,
        server_decode_s=_times(record.server_decode_s, kept),
        draft_tokens=_share(record.draft_tokens, kept),
        draft_accepted_tokens=_share(record.draft_accepted_tokens, kept),
        finish_reason="length",
    )
    return _with_wall(record, changed)


def primed(record: TurnRecord, tokens: int, seconds_a_token: float) -> TurnRecord:
    """`record` had `tokens` more of its prompt not been in the cache."""
    if tokens <= 0 or record.ttft_s is None:
        return record
    seconds = tokens * seconds_a_token
    cached, computed = record.cached_tokens, record.computed_tokens
    changed = replace(
        record,
        ttft_s=record.ttft_s + seconds,
        cached_tokens=None if cached is None else max(0, cached - tokens),
        computed_tokens=None if computed is None else computed + tokens,
        server_prefill_s=None
        if record.server_prefill_s is None
        else record.server_prefill_s + seconds,
    )
    return _with_wall(record, changed)


def typical(takes: Sequence[TurnRecord]) -> TurnRecord:
    """One turn measured again and again, as the first take with the medians of all."""
    first = takes[0]
    if len(takes) == 1:
        return first
    changed = replace(
        first,
        ttft_s=_median([t.ttft_s for t in takes]),
        decode_tps=_median([t.decode_tps for t in takes]),
        server_prefill_s=_median([t.server_prefill_s for t in takes]),
        server_decode_s=_median([t.server_decode_s for t in takes]),
    )
    return _with_wall(first, changed)


def cached_tokens(record: TurnRecord) -> int | None:
    """Prompt tokens that were in the cache; by what was computed where that is all that is told."""
    if record.cached_tokens is not None:
        return record.cached_tokens
    if record.depth_tokens is None or record.computed_tokens is None:
        return None
    return max(0, record.depth_tokens - record.computed_tokens)


def _with_wall(before: TurnRecord, after: TurnRecord) -> TurnRecord:
    """`after` with the wall time that follows from what is changed; what is beside it stays."""
    if before.wall_s is None:
        return after
    return replace(after, wall_s=max(0.0, before.wall_s + _told_s(after) - _told_s(before)))


def _told_s(record: TurnRecord) -> float:
    """Time to the first token, and of the tokens after it."""
    tokens = (record.output_tokens or 1) - 1
    return (record.ttft_s or 0.0) + (tokens / record.decode_tps if record.decode_tps else 0.0)


def _times(value: float | None, factor: float) -> float | None:
    return None if value is None else value * factor


def _share(value: int | None, kept: float) -> int | None:
    return None if value is None else round(value * kept)


def _median(values: Sequence[float | None]) -> float | None:
    told = [value for value in values if value is not None]
    return median(told) if told else None
