"""AIPerf's inputs that carry text: ``inputs.json`` and ``mooncake_trace`` rows.

``inputs.json`` is ``{data: [{session_id, payloads: [request body, ...]}]}``. A trace row has
exactly one of ``messages`` (with ``tools``), ``text_input`` and ``payload``, and may have
``session_id``, ``timestamp``, ``delay`` (ms), ``output_length``, ``extra``. Rows of lengths and
block ids are another format. With ``message_mode: "delta"``, and in sessions of ``text_input``, a
row is what is new: the replies come live, so that they are missing here.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Message, PromptFidelity, Session
from autotune.workload.readers.api_body import Body, parse_body
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import count, mapping, number, span_ms, text
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.message_store import check_writable
from autotune.workload.readers.openai_shape import chat_messages, chat_params, chat_tools
from autotune.workload.readers.rebuild import SessionBuilder
from autotune.workload.readers.threads import RequestLog

INPUTS_NAME = "aiperf-inputs"
TRACE_NAME = "aiperf-trace"

_LENGTHS = ("input_length", "hash_ids")
_TEXTS = ("messages", "text_input", "payload")
_MARKS = frozenset({"session_id", "timestamp", "delay", "output_length", "message_mode"})
_ROW_KEYS = _MARKS | {*_TEXTS, *_LENGTHS, "type", "tools", "extra"}


class AIPerfInputsReader:
    """Reads ``inputs.json``."""

    name = INPUTS_NAME
    description = "AIPerf inputs.json: the request bodies of every session"

    def claims_document(self, document: Any) -> bool:
        """The document lists sessions with their payloads."""
        data = mapping(document).get("data")
        first = mapping(data[0]) if isinstance(data, list) and data else {}
        return isinstance(first.get("payloads"), list)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The sessions of the document; those without an id are called by their first prompt."""
        log = RequestLog(INPUTS_NAME, file_hash(file.path))
        data = mapping(read_document(file, ledger)).get("data")
        for place, item in enumerate(data if isinstance(data, list) else [], start=1):
            name = text(mapping(item).get("session_id"))
            payloads = mapping(item).get("payloads")
            if not isinstance(payloads, list):
                ledger.add(file.name, DamageKind.WRONG_SCHEMA, place, "payloads: not a list")
                continue
            for payload in payloads:
                with ledger.checked(file.name, place):
                    log.add(_payload(payload, place, name))
        yield from log.sessions()


def _payload(payload: Any, place: int, name: str | None) -> LoggedRequest:
    body = parse_body(payload)
    return LoggedRequest(
        messages=body.messages,
        line=place,
        tools=body.tools,
        params=body.params,
        conversation=Conversation(name, whole=True) if name else None,
        fidelity=body.fidelity,
        missing=body.missing,
    )


class AIPerfTraceReader:
    """Reads ``mooncake_trace`` rows with text."""

    name = TRACE_NAME
    description = "AIPerf mooncake_trace rows with messages, text_input or payload"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The row has one kind of text and one of the trace's own keys, and no other format's."""
        if line.keys() - _ROW_KEYS or any(line.get(key) is not None for key in _LENGTHS):
            return False
        kinds = [key for key in _TEXTS if line.get(key) is not None]
        typed = line.get("type") in (None, "mooncake_trace")
        return len(kinds) == 1 and typed and bool(line.keys() & _MARKS)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """Sessions by their ids; rows without one by what their prompts share."""
        digest = file_hash(file.path)
        log, deltas = RequestLog(TRACE_NAME, digest), _Deltas(digest)
        for line in read_objects(file, ledger):
            with ledger.checked(file.name, line.number):
                if _is_delta(line.value):
                    deltas.add(line)
                else:
                    log.add(_row(line))
        yield from log.sessions()
        yield from deltas.sessions()


def _is_delta(row: Mapping[str, Any]) -> bool:
    in_session = text(row.get("session_id")) is not None
    return in_session and (row.get("message_mode") == "delta" or "text_input" in row)


def _row(line: JsonLine) -> LoggedRequest:
    row = line.value
    body, name = _body(row), text(row.get("session_id"))
    return LoggedRequest(
        messages=body.messages,
        line=line.number,
        tools=body.tools,
        params=body.params,
        output_tokens=count(row.get("output_length")),
        timestamp_ms=number(row.get("timestamp")),
        delay_ms=span_ms(row.get("delay")),
        conversation=Conversation(name, whole=True) if name else None,
        fidelity=body.fidelity,
        missing=body.missing,
    )


def _body(row: Mapping[str, Any]) -> Body:
    """The request of a row; ``extra`` is laid over its fields. Raises `ValueError`."""
    payload = row.get("payload")
    if payload is not None:
        return parse_body({**mapping(payload), **mapping(row.get("extra"))})
    return parse_body({"messages": _messages(row), "tools": row.get("tools"), **_extra(row)})


def _extra(row: Mapping[str, Any]) -> dict[str, Any]:
    extra = mapping(row.get("extra"))
    return {key: value for key, value in extra.items() if key not in ("messages", "tools")}


def _messages(row: Mapping[str, Any]) -> list[Message]:
    """The messages of a row, a ``text_input`` as one of the user. Raises `ValueError`."""
    if row.get("messages") is None:
        said = text(row.get("text_input"))
        if said is None:
            raise ValueError("text_input: not text")
        return [{"role": "user", "content": said}]
    return chat_messages(row)


@dataclass(slots=True)
class _Deltas:
    """Sessions whose rows hold only what is new; the replies between are not written anywhere."""

    digest: str
    _builders: dict[str, SessionBuilder] = field(default_factory=dict)

    def add(self, line: JsonLine) -> None:
        """One more row of its session. Raises `ValueError`."""
        row = line.value
        messages, tools, params = _messages(row), chat_tools(row), chat_params(_extra(row))
        for part in (messages, tools, params):
            check_writable(part)
        name = str(row["session_id"])
        builder = self._builders.setdefault(name, SessionBuilder(name, TRACE_NAME, self.digest))
        if tools:
            builder.tools = tuple(tools)
        builder.params = params
        for message in messages:
            builder.say(message)
        later = bool(builder.turns)
        builder.request(
            line=line.number,
            output_tokens=count(row.get("output_length")),
            timestamp_ms=number(row.get("timestamp")),
            delay_ms=span_ms(row.get("delay")),
            missing=("replies",) if later else (),
            fidelity=PromptFidelity.REBUILT if later else PromptFidelity.EXACT,
        )

    def sessions(self) -> Iterator[Session]:
        """Every session that made a request."""
        for builder in self._builders.values():
            session = builder.session()
            if session is not None:
                yield session
