"""Logs of OpenAI chat requests: bare bodies, pairs of request and response, batch files, rows.

One JSON object a line, or a list of them in one document: ``{model, messages, ...}``;
``{request | body | payload, response}``; ``{custom_id, method, url, body}`` of the Batch API; whole
conversations (`chat_rows`). AIPerf's ``raw_payload`` folders are files of bare bodies, one
conversation each: the prompts say so by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine
from autotune.workload.model import Recorded, Session
from autotune.workload.readers.api_body import (
    Api,
    api_of_body,
    api_of_url,
    parse_body,
    parse_reply,
)
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.chat_rows import is_row, row_session
from autotune.workload.readers.checks import difference_ms, epoch_ms, mapping, span_ms, unpacked
from autotune.workload.readers.conversation_ids import conversation_of
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.openai_shape import SAMPLING
from autotune.workload.readers.records import records
from autotune.workload.readers.threads import RequestLog

NAME = "openai-chat"

_REQUESTS = ("request", "body", "payload", "request_body", "request_json")
_RESPONSES = ("response", "response_body", "response_json")
_STARTS = ("timestamp", "start_time", "started_at", "request_time", "created_at")
_ENDS = ("end_time", "ended_at", "response_time")
_LATENCIES = ("latency_ms", "duration_ms", "elapsed_ms")
_TTFTS = ("ttft_ms", "time_to_first_token_ms")

_FOREIGN = frozenset(
    {"schema", "turn_id", "conversation_idx", "hash_ids", "input_length", "output_length", "seq"}
    | {
        "message_mode",
        "text_input",
        "delay",
        "startTime",
        "completionStartTime",
        "sessionId",
        "instance_id",
    }
    | {"trajectory", "trajectory_format", "history", "schema_version", "kwargs", "call_type"}
)
"""Keys that other formats have beside ``messages``, ``body`` or ``response``."""

_BODY_KEYS = frozenset(
    {"model", "messages", "tools", "functions", "function_call", "stream", "stream_options"}
    | {"user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier"}
    | set(SAMPLING)
)


class OpenAIChatReader:
    """Reads lines, and documents that are a list of what would stand on lines."""

    name = NAME
    description = "OpenAI chat requests or conversations, one a line or in a list"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is a chat request, wraps one, or is a whole conversation."""
        if line.keys() & _FOREIGN:
            return False
        if is_row(line):
            return True
        body = _body(line)
        if body is not line and isinstance(line.get("url"), str):
            return api_of_url(line["url"]) is not None
        return api_of_body(body) in (Api.CHAT, Api.COMPLETIONS) and _has_roles(body)

    def claims_document(self, document: Any) -> bool:
        """A list of what lines would hold, or one body with no key that the API does not have."""
        if isinstance(document, list):
            sample = document[:50]
            return bool(sample) and all(isinstance(r, dict) and self.claims(r) for r in sample)
        return (
            isinstance(document, dict)
            and {"model", "messages"} <= document.keys() <= _BODY_KEYS
            and self.claims(document)
        )

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """Conversations as they stand, then those that the requests make, as they begin.

        The text of one file's requests is in memory once; rows are passed on one by one.
        """
        digest = file_hash(file.path)
        log = RequestLog(NAME, digest)
        for line in records(file, ledger, self.claims):
            session = None
            with ledger.checked(file.name, line.number):
                session = _take(line, log, digest)
            if session is not None:
                yield session
        yield from log.sessions()


def _take(line: JsonLine, log: RequestLog, digest: str) -> Session | None:
    """The session of a row; a request goes to `log`. Raises `ValueError`."""
    if is_row(line.value):
        return row_session(line.value, line.number, NAME, digest)
    log.add(logged_pair(line.value, line.number))
    return None


def logged_pair(line: Mapping[str, Any], number: int) -> LoggedRequest:
    """A line that is a body, or has one and maybe its reply. Raises `ValueError`."""
    body = mapping(_body(line))
    url = line.get("url")
    parsed = parse_body(body, api_of_url(url) if isinstance(url, str) else None)
    reply = parse_reply(_first(line, _RESPONSES))
    recorded = _timed(line, reply.recorded, parsed.model)
    return LoggedRequest(
        messages=parsed.messages,
        line=number,
        tools=parsed.tools,
        params=parsed.params,
        response=reply.message,
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=_start_ms(line),
        conversation=conversation_of(body) or conversation_of(line),
        failed=reply.failed,
        fidelity=parsed.fidelity,
        missing=parsed.missing,
    )


def _body(line: Mapping[str, Any]) -> Mapping[str, Any]:
    """The request in `line`: under one of its names, or the line itself."""
    wrapped = unpacked(_first(line, _REQUESTS))
    inner = mapping(wrapped).get("body")
    if isinstance(inner, Mapping):
        return inner
    return wrapped if isinstance(wrapped, Mapping) and "messages" not in line else line


def _first(line: Mapping[str, Any], names: Iterable[str]) -> Any:
    return next((line[name] for name in names if line.get(name) is not None), None)


def _has_roles(body: Mapping[str, Any]) -> bool:
    messages = body.get("messages")
    if isinstance(messages, list):
        return bool(messages) and all("role" in mapping(message) for message in messages)
    return isinstance(body.get("model"), str)


def _start_ms(line: Mapping[str, Any]) -> float | None:
    return epoch_ms(_first(line, _STARTS))


def _timed(line: Mapping[str, Any], recorded: Recorded, asked: str | None) -> Recorded:
    """`recorded` with the times that the line has, and the model asked for if no other is told."""
    latency = span_ms(_first(line, _LATENCIES))
    if latency is None:
        latency = difference_ms(_start_ms(line), epoch_ms(_first(line, _ENDS)))
    return replace(
        recorded,
        ttft_ms=span_ms(_first(line, _TTFTS)),
        latency_ms=latency,
        model=recorded.model or asked,
    )
