"""Recorded requests as lines of ``capture/1``: what changed since the session's line before."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.recording.answer import Answer
from autotune.recording.exchange import Exchange
from autotune.recording.fingerprint import Fingerprint
from autotune.recording.prompt import Prompt
from autotune.workload.capture_schema import SCHEMA, tools_ref
from autotune.workload.model import Boundary
from autotune.workload.writer import encode_line

FORMAT = "recording"


@dataclass(frozen=True, slots=True)
class RecordedTurn:
    """One request, read: where it belongs, what it asked and what came of it."""

    session_id: str
    parent: str | None
    boundary: Boundary | None
    delay_ms: float | None
    exchange: Exchange
    prompt: Prompt
    fingerprint: Fingerprint
    answer: Answer
    model: str | None


@dataclass(slots=True)
class Written:
    """What a file says of one session so far: the next line tells only what differs."""

    session_id: str
    turns: int = 0
    fingerprint: Fingerprint | None = None
    params: Mapping[str, Any] = field(default_factory=dict)


def encode_turn(turn: RecordedTurn, written: Written, known_tools: set[str]) -> bytes:
    """The line of `turn` behind what is `written`; after nothing, or a line that was lost, whole.

    Changes neither: see `note_turn`.
    """
    before = written.fingerprint
    keep = before.shared(turn.fingerprint) if before else 0
    line: dict[str, Any] = {"schema": SCHEMA, "session_id": written.session_id}
    line |= {"turn": written.turns, "parent": turn.parent, "keep": keep}
    line["append"] = list(turn.prompt.messages[keep:])
    if before is None or before.tools != turn.fingerprint.tools:
        line |= _tools(turn, known_tools)
    if before is None or dict(written.params) != dict(turn.prompt.params):
        line["params"] = dict(turn.prompt.params)
    line |= _timing(turn)
    line |= {"boundary": _boundary(turn, written), "fidelity": _fidelity(turn.prompt)}
    line |= {"prompt_sha256": turn.fingerprint.sha256, "origin": _origin(turn)}
    return encode_line({name: value for name, value in line.items() if value is not None})


def note_turn(turn: RecordedTurn, written: Written, known_tools: set[str]) -> None:
    """The line of `turn` is in the file."""
    written.turns += 1
    written.fingerprint = turn.fingerprint
    written.params = turn.prompt.params
    if turn.prompt.tools:
        known_tools.add(tools_ref(turn.prompt.tools))


def _tools(turn: RecordedTurn, known: set[str]) -> dict[str, Any]:
    tools = turn.prompt.tools
    if not tools:
        return {"tools": []}
    ref = tools_ref(tools)
    return {"tools_ref": ref} if ref in known else {"tools": list(tools), "tools_ref": ref}


def _timing(turn: RecordedTurn) -> dict[str, Any]:
    reply = turn.answer.message
    return {
        "timestamp": round(turn.exchange.started_ms, 3),
        "delay": _rounded(turn.delay_ms),
        "output_length": turn.answer.usage.completion_tokens,
        "response": None if reply is None else dict(reply),
        "recorded": _recorded(turn),
    }


def _recorded(turn: RecordedTurn) -> dict[str, Any]:
    usage, ttft_s = turn.answer.usage, turn.answer.ttft_s
    values = {
        "prompt_tokens": usage.prompt_tokens,
        "cached_tokens": usage.cached_tokens,
        "completion_tokens": usage.completion_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "ttft_ms": None if ttft_s is None else _rounded(ttft_s * 1000.0),
        "latency_ms": _rounded(turn.exchange.latency_ms),
        "model": turn.model,
    }
    return {name: value for name, value in values.items() if value is not None}


def _rounded(ms: float | None) -> float | None:
    """To the microsecond."""
    return None if ms is None else round(ms, 3)


def _boundary(turn: RecordedTurn, written: Written) -> Boundary | None:
    """A session whose earlier turns are in another file is one that was resumed."""
    if turn.boundary is None and not written.turns and turn.delay_ms is not None:
        return Boundary.RESUME
    return turn.boundary


def _fidelity(prompt: Prompt) -> dict[str, Any]:
    fidelity = prompt.fidelity
    return {
        "prompt": str(fidelity.prompt),
        "missing": list(fidelity.missing),
        "pad_tokens": fidelity.pad_tokens,
    }


def _origin(turn: RecordedTurn) -> dict[str, Any]:
    origin: dict[str, Any] = {"format": FORMAT, "api": str(turn.exchange.api)}
    failure = turn.answer.failure
    return {**origin, "error": failure} if failure else origin
