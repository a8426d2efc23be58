"""Cold means cold, and warm means that something was reused."""

from __future__ import annotations

from collections.abc import Sequence

from autotune.records import TurnRecord

COLD = "off"


def check_cache_arm(records: Sequence[TurnRecord], arm: str) -> str | None:
    """Why `records` do not belong to their cache arm (``on`` or ``off``), or ``None``.

    Off: no turn may report a cached token. On: where the engine reports cached tokens and some
    turn continues an earlier one, at least one must have reused some. An engine that reports
    nothing cannot be checked: see `cache_note`.
    """
    if arm == COLD:
        return _warm_turn(records)
    reported = [r for r in records if r.ok and r.cached_tokens is not None]
    if any(r.cached_tokens for r in reported) or not _continued(reported):
        return None
    return f"the cache is on, yet none of {len(reported)} turns reused a single token"


def cache_note(records: Sequence[TurnRecord]) -> str | None:
    """What a person should know when the engine says nothing of its cache."""
    good = [r for r in records if r.ok]
    if not good or any(r.cached_tokens is not None for r in good):
        return None
    return "the engine does not report cached tokens, so the cache arm could not be checked"


def _warm_turn(records: Sequence[TurnRecord]) -> str | None:
    for record in records:
        if record.cached_tokens:
            where = f"session {record.session_id} turn {record.turn}"
            return f"{where} reused {record.cached_tokens} tokens although the cache is off"
    return None


def _continued(records: Sequence[TurnRecord]) -> bool:
    """Whether some session has a turn whose prompt extends an earlier one."""
    seen: set[str] = set()
    for record in sorted(records, key=lambda r: r.order):
        if record.session_id in seen and record.boundary is None:
            return True
        seen.add(record.session_id)
    return False
