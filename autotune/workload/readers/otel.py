"""OpenTelemetry GenAI spans in OTLP JSON: a document, or one export request a line.

A span of a model call is a request, exact where its messages were captured. Capturing them is off
by default; spans without them are counted as damage that says how to turn it on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, read_objects
from autotune.workload.model import Recorded, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import count, difference_ms, mapping, number, text
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.names import name_of
from autotune.workload.readers.openai_shape import check_message
from autotune.workload.readers.otel_messages import Content, content_of
from autotune.workload.readers.otlp import Attributes, Event, Span, is_otlp, logs_of, spans_of
from autotune.workload.readers.threads import RequestLog

NAME = "otel"
TURN_ON = (
    "message content was not captured: set OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT to "
    "true (SPAN_ONLY in newer instrumentations) and record again"
)
CUT_OFF = "is cut off: raise OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT and the collector's limits"

_OPERATIONS = frozenset({"chat", "text_completion", "generate_content", "completion"})
_CONVERSATION = ("gen_ai.conversation.id", "session.id", "langfuse.session.id")
_CACHED = (
    "gen_ai.usage.cache_read.input_tokens",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cached_input_tokens",
    "gen_ai.usage.details.cache_read_tokens",
)
_WRITTEN = ("gen_ai.usage.cache_creation.input_tokens", "gen_ai.usage.cache_creation_input_tokens")
_INPUT = ("gen_ai.usage.input_tokens", "gen_ai.usage.prompt_tokens", "llm.usage.prompt_tokens")
_OUTPUT = (
    "gen_ai.usage.output_tokens",
    "gen_ai.usage.completion_tokens",
    "llm.usage.completion_tokens",
)
_REASONING = ("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.reasoning_tokens")
_FIRST = ("gen_ai.response.time_to_first_chunk", "gen_ai.server.time_to_first_token")
_SAMPLING = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "max_tokens": "max_tokens",
    "seed": "seed",
    "frequency_penalty": "frequency_penalty",
    "presence_penalty": "presence_penalty",
    "stop_sequences": "stop",
}
"""``gen_ai.request.*`` -> the field of a chat request."""


class OtelReader:
    """Reads OTLP JSON, as the collector's file exporter and others write it."""

    name = NAME
    description = "OpenTelemetry GenAI spans: OTLP JSON, one document or one export a line"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is an export request."""
        return is_otlp(line)

    def claims_document(self, document: Any) -> bool:
        """The document is an export request."""
        return is_otlp(document)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """One session a conversation, in the order of their first requests."""
        reading = _Reading(file, ledger, RequestLog(NAME, file_hash(file.path)))
        for line, export in _exports(file, ledger):
            reading.add(export, line)
        yield from reading.sessions()


def _exports(file: CaptureFile, ledger: DamageLedger) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Export requests with their lines; a document has none.

    A file whose first line is an export by itself is lines, and never held as a whole.
    """
    with closing(read_objects(file, DamageLedger())) as lines:
        first = next(lines, None)
    document = None if first and is_otlp(first.value) else read_document(file, DamageLedger())
    if is_otlp(document):
        yield 0, mapping(document)
        return
    for line in read_objects(file, ledger):
        yield line.number, line.value


@dataclass(slots=True)
class _Reading:
    """The model calls of one file."""

    file: CaptureFile
    ledger: DamageLedger
    log: RequestLog
    _records: dict[tuple[str, str], list[Event]] = field(default_factory=dict)
    _silent: list[tuple[Span, int]] = field(default_factory=list)

    def add(self, export: Mapping[str, Any], line: int) -> None:
        """Take in one export request."""
        for key, record in logs_of(export):
            self._records.setdefault(key, []).append(record)
        for span in spans_of(export):
            if is_model_call(span.attributes):
                self._span(span, line)

    def _span(self, span: Span, line: int) -> None:
        """A span's request; one without content waits for log records that may hold it."""
        records = self._records.get((span.trace_id, span.span_id), ())
        content = content_of(span, records)
        for key in content.broken:
            self._damage(line, f"{key} {CUT_OFF}")
        if not content.messages:
            if not content.broken:
                self._silent.append((span, line))
            return
        with self.ledger.checked(self.file.name, line):
            for message in content.messages:
                check_message(message)
            self.log.add(_request(span, content, line))

    def _damage(self, line: int, detail: str) -> None:
        self.ledger.add(self.file.name, DamageKind.WRONG_SCHEMA, line, detail)

    def sessions(self) -> Iterator[Session]:
        """Every conversation, those included whose content came behind its spans."""
        waiting, self._silent = self._silent, []
        for span, line in waiting:
            if (span.trace_id, span.span_id) in self._records:
                self._span(span, line)
            else:
                self._silent.append((span, line))
        for _, line in self._silent:
            self.ledger.add(self.file.name, DamageKind.NO_CONTENT, line, TURN_ON)
        yield from self.log.sessions()


def _request(span: Span, content: Content, line: int) -> LoggedRequest:
    recorded = recorded_of(span)
    error = text(span.attributes.get("error.type"))
    origin: dict[str, Any] = {"span": span.span_id}
    return LoggedRequest(
        messages=content.messages,
        line=line,
        tools=content.tools,
        params=_params(span.attributes),
        response=content.reply,
        recorded=recorded,
        output_tokens=recorded.completion_tokens,
        timestamp_ms=span.start_ms,
        conversation=_conversation(span),
        failed=error is not None,
        missing=() if content.tools or not _has_calls(content) else ("tools",),
        origin={**origin, "error": error} if error else origin,
    )


def _has_calls(content: Content) -> bool:
    return any(message.get("tool_calls") for message in content.messages)


def is_model_call(attributes: Attributes) -> bool:
    """Whether a span asked a model for text: by its operation, else by a model and its usage."""
    operation = attributes.get("gen_ai.operation.name", attributes.get("llm.request.type"))
    if isinstance(operation, str):
        return operation in _OPERATIONS
    named = "gen_ai.request.model" in attributes or "gen_ai.response.model" in attributes
    return named and any(key in attributes for key in _INPUT)


def _conversation(span: Span) -> Conversation | None:
    """The conversation that a span names; its trace, which may be one request or many runs."""
    named = (name_of(span.attributes.get(key)) for key in _CONVERSATION)
    known = next(filter(None, named), None)
    if known is not None:
        return Conversation(known, certain=True)
    trace_id = name_of(span.trace_id)
    return Conversation(trace_id) if trace_id else None


def _params(attributes: Attributes) -> dict[str, Any]:
    found = {name: attributes.get(f"gen_ai.request.{key}") for key, name in _SAMPLING.items()}
    return {name: value for name, value in found.items() if value is not None}


def _count(attributes: Attributes, keys: tuple[str, ...]) -> int | None:
    known = (count(attributes.get(key)) for key in keys)
    return next((value for value in known if value is not None), None)


def recorded_of(span: Span) -> Recorded:
    """Token counts and times of a span.

    The input holds the cached tokens by the conventions. Where it is smaller than they are, the
    exporter counted them apart, as Anthropic's API does.
    """
    attributes = span.attributes
    prompt, cached = _count(attributes, _INPUT), _count(attributes, _CACHED)
    if prompt is not None and cached is not None and cached > prompt:
        prompt += cached + (_count(attributes, _WRITTEN) or 0)
    model = name_of(attributes.get("gen_ai.response.model"))
    recorded = Recorded(
        prompt_tokens=prompt or None,
        cached_tokens=cached,
        completion_tokens=_count(attributes, _OUTPUT),
        reasoning_tokens=_count(attributes, _REASONING),
        latency_ms=difference_ms(span.start_ms, span.end_ms),
        model=model or name_of(attributes.get("gen_ai.request.model")),
    )
    return replace(recorded, ttft_ms=_ttft_ms(attributes))


def _ttft_ms(attributes: Attributes) -> float | None:
    seconds = (number(attributes.get(key)) for key in _FIRST)
    known = next((value for value in seconds if value is not None and value >= 0), None)
    return None if known is None else known * 1000.0
