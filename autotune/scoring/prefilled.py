"""Prompt tokens that an engine computed for a turn."""

from __future__ import annotations

from autotune.records import TurnRecord


def prefilled_tokens(record: TurnRecord) -> int | None:
    """What the engine says it computed, else the prompt less what it says it reused.

    ``None`` where it says neither.
    """
    if record.computed_tokens is not None:
        return record.computed_tokens
    if record.depth_tokens is None or record.cached_tokens is None:
        return None
    return record.depth_tokens - record.cached_tokens
