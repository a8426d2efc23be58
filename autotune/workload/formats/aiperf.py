"""AIPerf: ``raw_payload`` folders of request bodies, and ``mooncake_trace`` rows with messages.

Raw payloads are sent as they stand, one file a conversation, one body a line. Trace rows carry the
whole message array of each turn, which AIPerf sends without adding what the server said.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from autotune.workload.formats.base import (
    Format,
    Place,
    Written,
    known,
    lines_file,
    whole_ms,
)
from autotune.workload.formats.folders import drop_stale, session_file
from autotune.workload.model import Session, Turn


def body(turn: Turn) -> dict[str, Any]:
    """The request of `turn` as a chat completion: model, messages, tools and parameters."""
    request: dict[str, Any] = {"model": turn.recorded.model} if turn.recorded.model else {}
    request["messages"] = list(turn.messages)
    if turn.tools:
        request["tools"] = list(turn.tools)
    return {**request, **{k: v for k, v in turn.params.items() if k not in request}}


def trace_row(turn: Turn) -> dict[str, Any]:
    """The row of `turn`; times are whole milliseconds, `extra` goes into the request's body."""
    return known(
        {
            "session_id": turn.session_id,
            "timestamp": whole_ms(turn.timestamp_ms),
            "delay": whole_ms(turn.delay_ms),
            "messages": list(turn.messages),
            "tools": list(turn.tools) or None,
            "output_length": turn.output_tokens,
            "extra": dict(turn.params) or None,
        }
    )


def _write_payloads(sessions: Iterable[Session], out: Path, _salt: bytes) -> Written:
    out.mkdir(parents=True, exist_ok=True)
    names: set[str] = set()
    turns = 0
    for number, session in enumerate(sessions, start=1):
        name = session_file(number, session)
        names.add(name)
        with lines_file(out / name) as write:
            for turn in session.turns:
                write(body(turn))
        turns += len(session.turns)
    drop_stale(out, names)
    return Written(len(names), turns)


def _write_rows(sessions: Iterable[Session], out: Path, _salt: bytes) -> Written:
    count = turns = 0
    with lines_file(out) as write:
        for session in sessions:
            for turn in session.turns:
                write(trace_row(turn))
            count += 1
            turns += len(session.turns)
    return Written(count, turns)


RAW_PAYLOAD = Format(
    name="aiperf-raw-payload",
    description="AIPerf raw_payload: a folder of one file a session, one request body a line",
    loses="times, recorded lengths and measurements, replies, and which session is a sub-agent of "
    "which",
    place=Place.FOLDER,
    write=_write_payloads,
)

AIPERF_MOONCAKE = Format(
    name="aiperf-mooncake",
    description="AIPerf mooncake_trace rows with messages and tools, lengths and times",
    loses="fractions of milliseconds, replies, recorded measurements but the reply's length, and "
    "which session is a sub-agent of which",
    place=Place.FILE,
    write=_write_rows,
)
