"""Requests to sessions: their turns, with the text that the trace does not have."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autotune.workload.model import (
    Boundary,
    Fidelity,
    Message,
    PromptFidelity,
    Session,
    Turn,
)
from autotune.workload.prefix import shared_objects
from autotune.workload.traces.layout import Layout
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.text import TraceText

FIDELITY = Fidelity(PromptFidelity.SYNTHETIC, ("text",))
"""Of every turn of a trace: the shape is recorded, the text is made up."""


@dataclass(slots=True)
class Thread:
    """One session as indices of rows, in order; `first_boundary` marks its first turn."""

    session_id: str
    rows: list[int] = field(default_factory=list)
    parent: str | None = None
    first_boundary: Boundary | None = None


def sessions_of(
    threads: Iterable[Thread],
    rows: Sequence[TraceRow],
    layouts: Mapping[int, Layout],
    text: TraceText,
    origin: Mapping[str, object],
) -> Iterator[Session]:
    """Every thread as a session; its text is made when its turn comes."""
    for thread in threads:
        turns: list[Turn] = []
        spans: Layout = ()
        for index in thread.rows:
            messages = _messages(layouts[index], spans, turns, text)
            turns.append(_turn(thread, rows[index], turns, messages, origin))
            spans = layouts[index]
        if turns:
            yield Session(thread.session_id, tuple(turns), thread.parent)


def _messages(
    spans: Layout, before: Layout, turns: Sequence[Turn], text: TraceText
) -> tuple[Message, ...]:
    """The messages of `spans`; those that the turn before had are its objects."""
    shared = shared_objects(before, spans)
    kept = turns[-1].messages[:shared] if turns else ()
    return (*kept, *map(text.message, spans[shared:]))


def _turn(
    thread: Thread,
    row: TraceRow,
    turns: Sequence[Turn],
    messages: tuple[Message, ...],
    origin: Mapping[str, object],
) -> Turn:
    earlier = turns[-1].messages if turns else ()
    keep = shared_objects(earlier, messages)
    cut = Boundary.EDIT if keep < len(earlier) else None
    return Turn(
        session_id=thread.session_id,
        index=len(turns),
        messages=messages,
        keep=keep,
        output_tokens=row.output_tokens,
        timestamp_ms=row.timestamp_ms,
        delay_ms=row.delay_ms if turns else None,
        recorded=row.recorded,
        boundary=cut if turns else thread.first_boundary,
        fidelity=FIDELITY,
        origin={**origin, "line": row.line, **row.origin},
    )
