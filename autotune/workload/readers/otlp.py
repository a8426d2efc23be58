"""OTLP in JSON: spans and log records with their attributes as plain values.

The mapping is that of protobuf's JSON (opentelemetry.io/docs/specs/otlp): numbers of 64 bits are
strings, attributes are lists of keys and typed values.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.workload.readers.checks import mapping, objects, text

Attributes = Mapping[str, Any]

_MAX_NESTING = 100
_SCOPES = {
    "Spans": ("scopeSpans", "instrumentationLibrarySpans"),
    "Logs": ("scopeLogs", "instrumentationLibraryLogs"),
}


@dataclass(frozen=True, slots=True)
class Event:
    """An event of a span, or a log record that belongs to one. `body` is a log record's."""

    name: str
    attributes: Attributes
    body: Any = None


@dataclass(frozen=True, slots=True)
class Span:
    """One span. Times in ms since 1970."""

    trace_id: str
    span_id: str
    name: str
    start_ms: float | None
    end_ms: float | None
    attributes: Attributes
    events: tuple[Event, ...] = ()


def is_otlp(value: Any) -> bool:
    """Whether `value` is an export request of traces or logs."""
    known = mapping(value)
    return any(isinstance(known.get(key), list) for key in ("resourceSpans", "resourceLogs"))


def spans_of(export: Mapping[str, Any]) -> Iterator[Span]:
    """Every span of an export request. Attributes of the resource stand behind the span's own."""
    for resource, record in _records(export, "Spans", "spans"):
        yield Span(
            trace_id=text(record.get("traceId")) or "",
            span_id=text(record.get("spanId")) or "",
            name=text(record.get("name")) or "",
            start_ms=_nanos_ms(record.get("startTimeUnixNano")),
            end_ms=_nanos_ms(record.get("endTimeUnixNano")),
            attributes={**resource, **attributes_of(record.get("attributes"))},
            events=tuple(map(_event, objects(record.get("events")))),
        )


def logs_of(export: Mapping[str, Any]) -> Iterator[tuple[tuple[str, str], Event]]:
    """Every log record of an export request that names its span: trace and span id, the record."""
    for _, record in _records(export, "Logs", "logRecords"):
        trace_id, span_id = text(record.get("traceId")), text(record.get("spanId"))
        if trace_id and span_id:
            attributes = attributes_of(record.get("attributes"))
            named = text(record.get("eventName")) or text(attributes.get("event.name")) or ""
            yield (trace_id, span_id), Event(named, attributes, plain(record.get("body")))


def _records(
    export: Mapping[str, Any], kind: str, key: str
) -> Iterator[tuple[Attributes, Mapping[str, Any]]]:
    for resource in objects(export.get(f"resource{kind}")):
        attributes = attributes_of(mapping(resource.get("resource")).get("attributes"))
        for name in _SCOPES[kind]:
            for scope in objects(resource.get(name)):
                for record in objects(scope.get(key)):
                    yield attributes, record


def _event(record: Mapping[str, Any]) -> Event:
    return Event(text(record.get("name")) or "", attributes_of(record.get("attributes")))


def attributes_of(pairs: Any) -> dict[str, Any]:
    """Attributes as plain values by key."""
    found: dict[str, Any] = {}
    for pair in objects(pairs):
        key = text(pair.get("key"))
        if key is not None:
            found[key] = plain(pair.get("value"))
    return found


def plain(value: Any, left: int = _MAX_NESTING) -> Any:
    """A typed value (``AnyValue``) as a plain one; ``None`` for none and for too deep a nesting."""
    known = mapping(value)
    for key in ("stringValue", "boolValue", "doubleValue"):
        if key in known:
            return known[key]
    if "intValue" in known:
        return _int(known["intValue"])
    if left == 0:
        return None
    if "arrayValue" in known:
        return [plain(v, left - 1) for v in objects(mapping(known["arrayValue"]).get("values"))]
    if "kvlistValue" in known:
        pairs = objects(mapping(known["kvlistValue"]).get("values"))
        keyed = ((text(pair.get("key")), pair.get("value")) for pair in pairs)
        return {key: plain(inner, left - 1) for key, inner in keyed if key is not None}
    return _bytes(known.get("bytesValue"))


def _int(value: Any) -> int | None:
    if isinstance(value, str) and len(value) <= 20 and value.lstrip("-").isdecimal():
        return int(value) if value.count("-") <= 1 else None
    return value if type(value) is int else None


def _bytes(value: Any) -> str | None:
    try:
        return base64.b64decode(value, validate=True).decode() if isinstance(value, str) else None
    except (binascii.Error, ValueError):
        return None


def _nanos_ms(value: Any) -> float | None:
    nanos = _int(value)
    return nanos / 1e6 if nanos is not None and 0 < nanos < 2**64 else None
