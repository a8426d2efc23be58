"""Chat-shaped prompts as Responses requests, and its events as chat chunks."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autotune.replay.assembly import assemble
from autotune.replay.dialects import DIALECTS, Api
from autotune.replay.responses_api import RESPONSES, responses_body
from autotune.replay.sse import SseEvent
from autotune.replay.usage import counts_of


def test_a_prompt_as_items() -> None:
    called = {"id": "c1", "type": "function", "function": {"name": "ls", "arguments": "{}"}}
    tool = {"type": "function", "function": {"name": "ls", "parameters": {"type": "object"}}}
    image = {"type": "image_url", "image_url": {"url": "https://x.test/a.png"}}
    body = responses_body(
        "m",
        [
            {"role": "system", "content": "be good"},
            {"role": "user", "content": [{"type": "text", "text": "task"}, image]},
            {"role": "assistant", "content": "on it", "tool_calls": [called]},
            {"role": "tool", "tool_call_id": "c1", "content": "out"},
            {"role": "developer", "content": "late"},
        ],
        [tool],
    )
    assert (body["instructions"], body["store"], body["tool_choice"]) == ("be good", False, "none")
    assert body["tools"] == [
        {"type": "function", "name": "ls", "parameters": {"type": "object"}, "strict": False}
    ]
    user, said, call, result, late = body["input"]
    assert user["content"] == [
        {"type": "input_text", "text": "task"},
        {"type": "input_image", "image_url": "https://x.test/a.png"},
    ]
    assert said == {"type": "message", "role": "assistant", "content": "on it"}
    assert call == {"type": "function_call", "call_id": "c1", "name": "ls", "arguments": "{}"}
    assert result == {"type": "function_call_output", "call_id": "c1", "output": "out"}
    assert (late["role"], late["content"][0]["text"]) == ("developer", "late")


def events(*told: dict[str, Any]) -> list[SseEvent]:
    return [SseEvent(float(at), json.dumps(one)) for at, one in enumerate(told)]


USAGE = {
    "input_tokens": 100,
    "input_tokens_details": {"cached_tokens": 90, "cache_write_tokens": 8},
    "output_tokens": 6,
    "cost": 0.5,
}


def test_a_stream_is_read_as_a_chat_stream_is() -> None:
    item = {"type": "function_call", "call_id": "c1", "name": "ls"}
    whole = assemble(
        events(
            {"type": "response.created", "response": {"usage": None}},
            {"type": "response.output_item.added", "output_index": 0, "item": {"type": "message"}},
            {"type": "response.reasoning_summary_text.delta", "delta": "hm"},
            {"type": "response.output_text.delta", "delta": "so"},
            {"type": "response.output_item.added", "output_index": 1, "item": item},
            {
                "type": "response.function_call_arguments.delta",
                "output_index": 1,
                "delta": "{}",
            },
            {"type": "response.incomplete", "response": {"usage": USAGE, "provider": "A"}},
        ),
        RESPONSES,
    )
    assert (whole.first_s, whole.last_s) == (2.0, 5.0)
    assert (whole.finish_reason, whole.done, whole.provider) == ("length", True, "A")
    assert (whole.reply.reasoning, whole.reply.content) == ("hm", "so")
    assert whole.reply.tool_calls[0]["id"] == "c1"
    counts = counts_of(whole, None)
    assert (counts.depth_tokens, counts.cached_tokens, counts.output_tokens) == (100, 90, 6)
    assert (counts.cache_write_tokens, counts.cost_usd) == (8, 0.5)


@pytest.mark.parametrize(
    "event",
    [
        {"type": "response.failed", "response": {"error": {"code": "server_error"}}},
        {"type": "error", "error": {"code": "server_error"}},
    ],
)
def test_a_failure_is_an_error(event: dict[str, Any]) -> None:
    assert assemble(events(event), RESPONSES).error == "server_error"


def test_the_flat_error_event_too() -> None:
    event = SseEvent(0.0, '{"type":"error","code":"rate_limit","message":"slow"}', is_error=True)
    assert assemble([event], RESPONSES).error == "error: rate_limit: slow"


def test_each_api_has_its_dialect() -> None:
    assert {api: dialect.route for api, dialect in DIALECTS.items()} == {
        Api.OPENAI: "/chat/completions",
        Api.ANTHROPIC: "/messages",
        Api.RESPONSES: "/responses",
    }
