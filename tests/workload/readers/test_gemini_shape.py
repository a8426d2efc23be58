"""Gemini's contents, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.model import Recorded
from autotune.workload.readers.gemini_shape import (
    chat_tools,
    content_messages,
    parts_of,
    response_text,
    summed_tokens,
    usage_metadata,
)


@pytest.mark.parametrize(
    ("response", "text"),
    [
        ({"response": {"output": "o"}}, "o"),
        ({"response": {"error": "e"}}, "e"),
        ({"response": {"output": "o", "more": 1}}, '{"output":"o","more":1}'),
        ({"response": "plain"}, "plain"),
        ({"response": {}}, ""),
        ({}, ""),
    ],
)
def test_what_a_tool_answered(response: dict[str, Any], text: str) -> None:
    assert response_text(response) == text


def test_contents() -> None:
    answer = {"functionResponse": {"name": "ls", "response": {"output": "a"}}}
    assert content_messages({"role": "user", "parts": [answer, {"text": "and?"}]}) == [
        {"role": "tool", "tool_call_id": "ls", "content": "a"},
        {"role": "user", "content": "and?"},
    ]
    image = {"inlineData": {"mimeType": "image/png", "data": "AA"}}
    (message,) = content_messages({"role": "user", "parts": [{"text": "see"}, image]})
    assert [part["type"] for part in message["content"]] == ["text", "image_url"]
    assert content_messages({"role": "model", "parts": []}) == []
    assert content_messages("x") == []
    assert parts_of(["a", 3, {"text": "b"}]) == [{"text": "a"}, {"text": "b"}]


def test_tools_in_both_nestings() -> None:
    one = {"name": "ls", "description": "d", "parametersJsonSchema": {"type": "object"}}
    tools = chat_tools([{"functionDeclarations": [one]}, {"name": "rm"}, {"name": 3}])
    assert [tool["function"]["name"] for tool in tools] == ["ls", "rm"]
    assert tools[0]["function"]["parameters"] == {"type": "object"}
    assert tools[1]["function"]["parameters"]["type"] == "object"


def test_thoughts_are_in_the_total_and_not_always_in_the_candidates() -> None:
    counts = {"promptTokenCount": 100, "candidatesTokenCount": 10, "thoughtsTokenCount": 5}
    gemini = usage_metadata({**counts, "totalTokenCount": 115})
    openai = usage_metadata({**counts, "totalTokenCount": 110})
    assert (gemini.completion_tokens, openai.completion_tokens) == (15, 10)
    assert usage_metadata(counts) == Recorded(100, None, 15, 5)
    assert usage_metadata({"promptTokenCount": 0}) == Recorded()
    assert summed_tokens({"input": 7, "output": 1}) == Recorded(7, None, 1, None)
