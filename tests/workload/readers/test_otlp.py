"""OTLP's typed values, times and places of spans."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.readers.otlp import attributes_of, logs_of, plain, spans_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"stringValue": "a"}, "a"),
        ({"intValue": "-12"}, -12),
        ({"intValue": 7}, 7),
        ({"intValue": "1e3"}, None),
        ({"intValue": "--1"}, None),
        ({"intValue": "9" * 5000}, None),
        ({"doubleValue": 0.5}, 0.5),
        ({"boolValue": False}, False),
        ({"bytesValue": "aGk="}, "hi"),
        ({"bytesValue": "/w=="}, None),
        ({"arrayValue": {"values": [{"intValue": "1"}, 5]}}, [1]),
        ({"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}, {}]}}, {"a": 1}),
        ({}, None),
        (5, None),
    ],
)
def test_values(value: Any, expected: Any) -> None:
    assert plain(value) == expected


def test_nesting_ends() -> None:
    value: dict[str, Any] = {"intValue": "1"}
    for _ in range(400):
        value = {"arrayValue": {"values": [value]}}
    depth, found = 0, plain(value)
    while isinstance(found, list):
        depth, found = depth + 1, found[0]
    assert (depth, found) == (100, None)


def test_attributes_of_any_shape() -> None:
    assert attributes_of([{"key": "a", "value": {"intValue": "1"}}, {"key": 5}, 7]) == {"a": 1}
    assert attributes_of("x") == {}


def test_spans_of_both_spellings_with_their_resource() -> None:
    span = {"traceId": "t", "spanId": "s", "startTimeUnixNano": "1500000", "endTimeUnixNano": -4}
    resource = {"attributes": [{"key": "a", "value": {"stringValue": "r"}}]}
    export = {
        "resourceSpans": [
            {"resource": resource, "scopeSpans": [{"spans": [span, 5]}]},
            {"instrumentationLibrarySpans": [{"spans": [{"name": "old"}]}, None]},
            "x",
        ]
    }
    first, second = spans_of(export)
    assert (first.trace_id, first.span_id, first.start_ms, first.end_ms) == ("t", "s", 1.5, None)
    assert first.attributes == {"a": "r"}
    assert (second.name, second.start_ms) == ("old", None)


def test_log_records_that_name_their_span() -> None:
    record = {"traceId": "t", "spanId": "s", "eventName": "e", "body": {"stringValue": "b"}}
    export = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record, {"spanId": "s"}]}]}]}
    ((key, event),) = logs_of(export)
    assert (key, event.name, event.body) == (("t", "s"), "e", "b")
