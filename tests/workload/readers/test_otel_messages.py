"""Parts of GenAI messages in chat shape."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autotune.workload.model import Message
from autotune.workload.readers.otel_messages import Content, content_of
from autotune.workload.readers.otlp import Event, Span


def content(attributes: dict[str, Any], *events: Event) -> Content:
    return content_of(Span("t", "s", "chat", None, None, attributes, tuple(events)))


def messages(*parts: Any, role: str = "user") -> list[Message]:
    value = json.dumps([{"role": role, "parts": list(parts)}])
    return content({"gen_ai.input.messages": value}).messages


def test_texts_are_lines_and_roles_are_those_of_a_chat() -> None:
    said = {"type": "text", "content": "a"}
    assert messages(said, said) == [{"role": "user", "content": "a\na"}]
    assert messages(said, role="Human") == [{"role": "user", "content": "a"}]
    assert messages(said, role="AI") == [{"role": "assistant", "content": "a"}]
    assert messages("a", None) == [{"role": "user", "content": "a"}]


def test_calls_and_results() -> None:
    call = {"type": "tool_call", "id": "c", "name": "f", "arguments": '{"a": 1}'}
    (reply,) = messages(call, role="assistant")
    assert reply == {
        "role": "assistant",
        "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
        ],
    }
    results = [{"type": "tool_call_response", "id": i, "response": {"x": i}} for i in ("1", "2")]
    assert messages(*results, role="tool") == [
        {"role": "tool", "tool_call_id": "1", "content": '{"x":"1"}'},
        {"role": "tool", "tool_call_id": "2", "content": '{"x":"2"}'},
    ]


def test_media_and_unknown_parts() -> None:
    blob = {"type": "blob", "modality": "image", "mime_type": "image/png", "content": "AA=="}
    link = {"type": "uri", "modality": "audio", "uri": "s3://a", "mime_type": "audio/wav"}
    (message,) = messages(blob, link, {"type": "odd", "x": 1})
    assert message["content"] == [
        {"type": "text", "text": '{"type":"odd","x":1}'},
        {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA=="}},
        {"type": "file", "file": {"file_id": "s3://a"}},
    ]


def test_attributes_of_an_event_count_as_the_span_s() -> None:
    value = json.dumps([{"role": "user", "parts": [{"type": "text", "content": "a"}]}])
    event = Event("gen_ai.client.inference.operation.details", {"gen_ai.input.messages": value})
    assert content({}, event).messages == [{"role": "user", "content": "a"}]
    body = Event("x", {}, {"gen_ai.input.messages": value})
    assert content({}, body).messages == [{"role": "user", "content": "a"}]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("gen_ai.input.messages", "[{"),
        ("gen_ai.output.messages", "{"),
        ("gen_ai.system_instructions", '[{"type'),
        ("gen_ai.tool.definitions", "[1"),
    ],
)
def test_what_is_cut_off_is_named(key: str, value: str) -> None:
    whole = {"gen_ai.input.messages": '[{"role":"user","parts":[{"type":"text","content":"a"}]}]'}
    assert content({**whole, key: value}).broken == [key]


def test_tools_with_and_without_an_envelope() -> None:
    whole = {"gen_ai.input.messages": '[{"role":"user","parts":["a"]}]'}
    tools = [{"type": "function", "name": "f"}, {"type": "function", "function": {"name": "g"}}]
    found = content({**whole, "gen_ai.tool.definitions": json.dumps(tools)}).tools
    assert found == [
        {"type": "function", "function": {"name": "f"}},
        {"type": "function", "function": {"name": "g"}},
    ]


def test_events_whose_content_was_not_captured_say_nothing() -> None:
    assert content({}, Event("gen_ai.user.message", {"gen_ai.system": "openai"})).messages == []
    plain = Event("gen_ai.user.message", {"gen_ai.event.content": "Hi"})
    assert content({}, plain).messages == [{"role": "user", "content": "Hi"}]
