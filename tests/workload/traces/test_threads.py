"""Turns of a trace: they share what their layouts share."""

from __future__ import annotations

from array import array

from autotune.workload.model import Boundary, Fidelity, PromptFidelity, Recorded, Session
from autotune.workload.traces.layout import Layout, edited, extended, opening
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.text import TraceText
from autotune.workload.traces.threads import Thread, sessions_of

ROWS = [
    TraceRow(4, 64, 5, array("q", [1]), timestamp_ms=1.0, delay_ms=9.0),
    TraceRow(6, 99, 6, array("q", [1, 2]), delay_ms=7.0, recorded=Recorded(prompt_tokens=99)),
    TraceRow(8, 90, None, array("q", [1, 3]), origin={"type": "text"}),
]
FIRST = opening(64, 32, 0)
SECOND = extended(FIRST, 99, 5, 1)
LAYOUTS: dict[int, Layout] = {0: FIRST, 1: SECOND, 2: edited(SECOND, 16, 32, 90, 2)}


def sessions(*threads: Thread) -> list[Session]:
    return list(sessions_of(threads, ROWS, LAYOUTS, TraceText("t", 16, ROWS), {"format": "x"}))


def test_turns_share_messages_and_say_where_they_break() -> None:
    (session,) = sessions(Thread("a", [0, 1, 2], first_boundary=Boundary.FORK))
    first, second, third = session.turns
    assert [turn.keep for turn in session.turns] == [0, 2, 0]
    assert second.messages[1] is first.messages[1]
    assert [t.boundary for t in session.turns] == [Boundary.FORK, None, Boundary.EDIT]
    assert [t.delay_ms for t in session.turns] == [None, 7.0, None]
    assert (second.recorded.prompt_tokens, second.output_tokens) == (99, 6)
    assert third.origin == {"format": "x", "line": 8, "type": "text"}
    assert {t.fidelity for t in session.turns} == {Fidelity(PromptFidelity.SYNTHETIC, ("text",))}


def test_an_agent_that_asked_nothing_is_no_session() -> None:
    assert sessions(Thread("a")) == []
