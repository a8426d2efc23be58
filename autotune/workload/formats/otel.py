"""OpenTelemetry GenAI spans as OTLP JSON lines, one export request a line, one span a turn.

Names are those of the semantic conventions (opentelemetry.io/docs/specs/semconv/gen-ai). Messages
are written with their system message among them, their content as ``text``, ``reasoning``,
``tool_call`` and ``tool_call_response`` parts; tool-call arguments stay the string they are. A turn
whose messages have anything that those parts cannot say is left out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.workload.formats.base import Format, Place, Written, known, lines_file
from autotune.workload.model import Message, Session, Turn

NOT_PARTS = "messages with parts that OpenTelemetry has no place for"
_REQUEST = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop": "stop_sequences",
}
"""Field of a chat request -> ``gen_ai.request.*``."""

_SPAN_KIND_CLIENT = 3
_STATUS_ERROR = 2
_MESSAGE_KEYS = frozenset({"role", "content", "reasoning_content", "tool_calls"})
_RESULT_KEYS = frozenset({"role", "content", "tool_call_id"})
_CALL_KEYS = frozenset({"id", "type", "function", "index"})
_ROLES = frozenset({"system", "user", "assistant"})


def otel_message(message: Message) -> dict[str, Any] | None:
    """`message` as role and parts; ``None`` when parts cannot say all of it."""
    if message.get("role") == "tool":
        return _result(message)
    if message.get("role") not in _ROLES or not message.keys() <= _MESSAGE_KEYS:
        return None
    content, reasoning = message.get("content"), message.get("reasoning_content")
    calls = _calls(message.get("tool_calls"))
    if calls is None or not _is_text(content) or not _is_text(reasoning):
        return None
    thoughts = [{"type": "reasoning", "content": reasoning}] if reasoning else []
    said = [{"type": "text", "content": content or ""}] if content or not calls else []
    return {"role": message["role"], "parts": [*thoughts, *said, *calls]}


def _is_text(value: Any) -> bool:
    return value is None or isinstance(value, str)


def _result(message: Message) -> dict[str, Any] | None:
    texts = (message.get("content"), message.get("tool_call_id"))
    if message.keys() != _RESULT_KEYS or not all(isinstance(each, str) for each in texts):
        return None
    part = {"type": "tool_call_response", "id": texts[1], "response": texts[0]}
    return {"role": "tool", "parts": [part]}


def _calls(calls: Any) -> list[dict[str, Any]] | None:
    """Tool calls as parts; ``None`` when one has anything but id, name and arguments as text."""
    if calls is None:
        return []
    if not isinstance(calls, list | tuple):
        return None
    parts = [_call(call) for call in calls]
    return None if None in parts else [part for part in parts if part]


def _call(call: Any) -> dict[str, Any] | None:
    if not isinstance(call, Mapping) or not call.keys() <= _CALL_KEYS:
        return None
    function = call.get("function")
    if not isinstance(function, Mapping) or function.keys() != {"name", "arguments"}:
        return None
    said = (call.get("id"), function["name"], function["arguments"])
    if call.get("type") != "function" or not all(isinstance(each, str) and each for each in said):
        return None
    return {"type": "tool_call", "id": said[0], "name": said[1], "arguments": said[2]}


def span(session: Session, turn: Turn) -> dict[str, Any] | None:
    """The span of `turn`; ``None`` when its messages do not fit. An unknown time is 0, as unset."""
    messages = [otel_message(message) for message in turn.messages]
    if None in messages:
        return None
    start, error = turn.timestamp_ms, turn.origin.get("error")
    latency = turn.recorded.latency_ms
    end = None if start is None or latency is None else start + latency
    attributes = {**_attributes(turn, [m for m in messages if m]), "error.type": error and "error"}
    return {
        "traceId": _name(session.session_id, 32),
        "spanId": _name(f"{session.session_id}/{turn.index}", 16),
        "name": " ".join(filter(None, ["chat", turn.recorded.model])),
        "kind": _SPAN_KIND_CLIENT,
        "startTimeUnixNano": _nanos(start),
        "endTimeUnixNano": _nanos(end),
        "attributes": [{"key": k, "value": _value(v)} for k, v in known(attributes).items()],
        "status": {"code": _STATUS_ERROR} if error else {},
    }


def _attributes(turn: Turn, messages: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    recorded = turn.recorded
    reply = otel_message(turn.response) if turn.response else None
    reply_tokens = recorded.completion_tokens
    return {
        "gen_ai.operation.name": "chat",
        "gen_ai.conversation.id": turn.session_id,
        "gen_ai.request.model": recorded.model,
        **{f"gen_ai.request.{name}": turn.params.get(key) for key, name in _REQUEST.items()},
        "gen_ai.usage.input_tokens": recorded.prompt_tokens,
        "gen_ai.usage.output_tokens": turn.output_tokens if reply_tokens is None else reply_tokens,
        "gen_ai.usage.cache_read.input_tokens": recorded.cached_tokens,
        "gen_ai.usage.reasoning.output_tokens": recorded.reasoning_tokens,
        "gen_ai.response.time_to_first_chunk": _seconds(recorded.ttft_ms),
        "gen_ai.tool.definitions": _json(list(turn.tools)) if turn.tools else None,
        "gen_ai.input.messages": _json(messages),
        "gen_ai.output.messages": _json([reply]) if reply else None,
    }


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else value_ms / 1000


def _nanos(value_ms: float | None) -> str:
    """Fixed 64-bit numbers are strings in protobuf's JSON; 0 is unset."""
    return "0" if value_ms is None else str(max(0, round(value_ms * 1e6)))


def _name(text: str, digits: int) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:digits]


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _value(value: Any) -> dict[str, Any]:
    """A plain value as OTLP's ``AnyValue``; objects are JSON text."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value}
    if isinstance(value, list | tuple):
        return {"arrayValue": {"values": [_value(each) for each in value]}}
    return {"stringValue": value if isinstance(value, str) else _json(value)}


def _export(made: Mapping[str, Any]) -> dict[str, Any]:
    """An export request of one span."""
    scope = {"scope": {"name": "autotune"}, "spans": [made]}
    named = {"key": "service.name", "value": {"stringValue": "autotune"}}
    return {"resourceSpans": [{"resource": {"attributes": [named]}, "scopeSpans": [scope]}]}


def _write(sessions: Iterable[Session], out: Path, _salt: bytes) -> Written:
    count = turns = left_out = 0
    with lines_file(out) as write:
        for session in sessions:
            fitting = 0
            for turn in session.turns:
                made = span(session, turn)
                if made is not None:
                    write(_export(made))
                    fitting += 1
            count += bool(fitting)
            turns += fitting
            left_out += len(session.turns) - fitting
        if left_out and not turns:
            raise UserError(f"no turn fits {OTEL.name}: {NOT_PARTS}", "write another format")
    return Written(count, turns, {NOT_PARTS: left_out} if left_out else {})


OTEL = Format(
    name="otel",
    description="OpenTelemetry GenAI spans, OTLP JSON lines; turns that fit without loss",
    loses="other request parameters than sampling, idle times, empty message parts, and which "
    "session is a sub-agent of which",
    place=Place.FILE,
    write=_write,
)
