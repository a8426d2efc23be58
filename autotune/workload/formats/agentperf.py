"""agentperf-local: a folder of one trace a session, and a manifest that lists them.

Field names and rules are those of its format version 1 (FORMATS.md of aa-agentperf-local).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from autotune.workload.formats.base import Format, Place, Written, known, lines_file
from autotune.workload.formats.folders import drop_stale, session_file
from autotune.workload.model import Session, Turn
from autotune.workload.writer import replacing

MODE = "single_user_agentic_replay"
VERSION = 1
_TRACES = "traces"
_MANIFEST = "manifest.json"
_SMALLEST_CONTEXT = 1024


def _write(sessions: Iterable[Session], out: Path, _salt: bytes) -> Written:
    tasks: list[dict[str, Any]] = []
    names: set[str] = set()
    turns = 0
    for number, session in enumerate(sessions, start=1):
        name = session_file(number, session)
        names.add(name)
        _write_trace(session, out / _TRACES / name)
        tasks.append(_task(session, name))
        turns += len(session.turns)
    out.mkdir(parents=True, exist_ok=True)
    drop_stale(out / _TRACES, names)
    manifest = {"name": out.name, "source": "autotune captures convert", "mode": MODE}
    with replacing(out / _MANIFEST) as stream:
        document = {**manifest, "version": VERSION, "tasks": tasks}
        stream.write(json.dumps(document, indent=2).encode() + b"\n")
    return Written(len(tasks), turns)


def _write_trace(session: Session, path: Path) -> None:
    with lines_file(path) as write:
        for place in range(len(session.turns)):
            write(row(session, place))


def row(session: Session, place: int) -> dict[str, Any]:
    """The row of the session's turn at `place`.

    A row must say how long the tools took after it; an idle time that the capture does not know is
    0 there.
    """
    turn = session.turns[place]
    after = session.turns[place + 1].delay_ms if place + 1 < len(session.turns) else None
    return {
        "version": VERSION,
        "turn_id": f"{session.session_id}:{turn.index:04d}",
        "task_id": session.session_id,
        "conversation_id": session.session_id,
        "conversation_idx": place,
        "messages": list(turn.messages),
        "tools": list(turn.tools),
        "simulated_tool_delay_ms_after": after or 0.0,
        "recorded_tool_calls_after": [],
        **known(_lengths(turn)),
    }


def _lengths(turn: Turn) -> Mapping[str, Any]:
    recorded = turn.recorded
    prompt, reply = recorded.prompt_tokens, recorded.completion_tokens
    return {
        "target_output_tokens": turn.output_tokens,
        "recorded_prompt_tokens": prompt,
        "recorded_completion_tokens": reply,
        "recorded_total_tokens": None if prompt is None or reply is None else prompt + reply,
        "recorded_model_duration_ms": recorded.latency_ms,
    }


def _task(session: Session, name: str) -> dict[str, Any]:
    delays = [turn.delay_ms or 0.0 for turn in session.turns[1:]]
    return {
        "task_id": session.session_id,
        "trace": f"{_TRACES}/{name}",
        "source_recording": f"{_TRACES}/{name}",
        "model_calls": len(session.turns),
        "tool_calls": 0,
        "total_recorded_tool_delay_ms": sum(delays),
        **known({"required_context_tokens": context_tokens(session)}),
    }


def context_tokens(session: Session) -> int | None:
    """The power of two that holds every recorded prompt and its reply; unknown without counts."""
    needs = [
        turn.recorded.prompt_tokens + (turn.output_tokens or 0)
        for turn in session.turns
        if turn.recorded.prompt_tokens is not None
    ]
    if len(needs) < len(session.turns):
        return None
    return max(_SMALLEST_CONTEXT, 1 << (max(needs) - 1).bit_length())


AGENTPERF = Format(
    name="agentperf",
    description="agentperf-local: a folder of traces and their manifest",
    loses="request parameters, start times, replies, reasoning, recorded TTFT and cache, and which "
    "session is a sub-agent of which",
    place=Place.FOLDER,
    write=_write,
)
