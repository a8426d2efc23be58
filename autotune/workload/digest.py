"""The content digest of a workload: what is replayed, however it was stored.

It covers, in the order of replay, every session's id and start, and every turn's prompt
(tools and messages with their key order), sampling parameters, output length, time since the
session began and idle time, to the millisecond. File names, compression, the order of keys
outside prompts, recorded measurements and provenance leave it as it is.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable
from dataclasses import dataclass

from autotune.workload.model import Session, Turn
from autotune.workload.prefix import PromptHasher, canonical

VERSION = "workload/1"


@dataclass(frozen=True, slots=True, order=True)
class SessionKey:
    """Sorts sessions as they started; those without timestamps come last, by id."""

    start_ms: float
    session_id: str
    content: str


def session_key(session: Session) -> SessionKey:
    """The place and content of one session; cheap to keep when its text is gone."""
    start = session.turns[0].timestamp_ms if session.turns else None
    return SessionKey(
        start_ms=math.inf if start is None else start,
        session_id=session.session_id,
        content=_content(session, start),
    )


def workload_digest(keys: Iterable[SessionKey]) -> str:
    """``sha256:...`` of the sessions behind `keys`, in any order."""
    ordered = sorted(keys)
    total = hashlib.sha256(VERSION.encode())
    origin = ordered[0].start_ms if ordered else 0.0
    for key in ordered:
        offset = None if math.isinf(key.start_ms) else round(key.start_ms - origin)
        total.update(canonical([key.session_id, offset, key.content]))
    return f"sha256:{total.hexdigest()}"


def _content(session: Session, start: float | None) -> str:
    hasher = PromptHasher()
    total = hashlib.sha256()
    for turn in session.turns:
        prompt = hasher.digest(turn.tools, turn.messages)
        total.update(canonical([prompt, *_terms(turn, start)], sort_keys=True))
    return total.hexdigest()


def _terms(turn: Turn, start: float | None) -> list[object]:
    """What a turn asks for besides its prompt."""
    known = turn.timestamp_ms is not None and start is not None
    since = round((turn.timestamp_ms or 0.0) - (start or 0.0)) if known else None
    delay = None if turn.delay_ms is None else round(turn.delay_ms)
    return [dict(turn.params), turn.output_tokens, since, delay]
