"""The prefix-cache experiment as rows for a spreadsheet and as JSON: ids and numbers, no text."""

from __future__ import annotations

import csv
import io
from dataclasses import asdict
from typing import Any

from autotune.scoring.cache_buckets import CONFIDENCE, BucketEffect
from autotune.scoring.cache_effect import CacheEffect, SessionWait, TurnEffect

SCHEMA_VERSION = "cache-effect/1"
_DIGITS = 6
"""Microseconds: a clock says no more."""

COLUMNS = (
    "session",
    "turn",
    "blocks",
    "boundary",
    "depth_tokens",
    "reused_tokens",
    "cold_cached_tokens",
    "prefilled_warm_tokens",
    "prefilled_cold_tokens",
    "ttft_warm_s",
    "ttft_cold_s",
    "ttft_saved_s",
    "wall_warm_s",
    "wall_cold_s",
    "wall_saved_s",
    "decode_warm_tps",
    "decode_cold_tps",
)


def row(turn: TurnEffect) -> dict[str, Any]:
    """One turn under `COLUMNS`."""
    found = {"session": turn.session_id}
    return found | {name: _rounded(getattr(turn, name)) for name in COLUMNS[1:]}


def to_csv(effect: CacheEffect) -> str:
    """A line a turn; absent is empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(map(row, effect.turns))
    return out.getvalue()


def to_json(effect: CacheEffect, subject: str) -> dict[str, Any]:
    """Everything of `effect`; `subject` says what was measured."""
    return {
        "schema_version": SCHEMA_VERSION,
        "subject": subject,
        "blocks": effect.blocks,
        "confidence": CONFIDENCE,
        "resampled": effect.unit,
        "cold_checked": effect.checked,
        "unequal_prompts": effect.unequal_prompts,
        "unpaired": effect.unpaired,
        "saved_s": _rounded(effect.saved_s),
        "sessions": [_session(session) for session in effect.sessions],
        "buckets": [_bucket(bucket) for bucket in effect.buckets],
        "overall": _bucket(effect.overall),
        "rows": [row(turn) for turn in effect.turns],
    }


def _session(session: SessionWait) -> dict[str, Any]:
    return {
        "session": session.session_id,
        "turns": session.turns,
        "wait_cold_s": _rounded(session.wait_cold_s),
        "wait_warm_s": _rounded(session.wait_warm_s),
        "saved_s": _rounded(session.saved_s),
    }


def _bucket(bucket: BucketEffect) -> dict[str, Any]:
    found = {name: _rounded(value) for name, value in asdict(bucket).items()}
    return found | {"directional": bucket.directional}


def _rounded(value: Any) -> Any:
    return round(value, _DIGITS) if isinstance(value, float) else value
