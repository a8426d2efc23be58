"""Deltas put together: what counts as a token, and when."""

from __future__ import annotations

import json
from typing import Any

import pytest

from autotune.replay.assembly import Assembly, assemble
from autotune.replay.sse import SseEvent


def stream(*bodies: dict[str, Any] | str) -> Assembly:
    """One event a second from second 1."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return assemble([SseEvent(float(at), text) for at, text in enumerate(texts, start=1)])


def delta(**fields: Any) -> dict[str, Any]:
    return {"choices": [{"delta": fields, "finish_reason": None}]}


@pytest.mark.parametrize(
    "nothing",
    [
        delta(role="assistant", content=None),
        delta(role="assistant", content=""),
        delta(tool_calls=[]),
        delta(reasoning_content=""),
        {"choices": [{"delta": None}]},
        {"choices": [], "usage": None},
        {
            **delta(role="assistant", content=None),
            "prompt_progress": {"total": 9, "cache": 0, "processed": 4, "time_ms": 1},
        },
    ],
)
def test_empty_deltas_are_not_the_first_token(nothing: dict[str, Any]) -> None:
    whole = stream(nothing, delta(content="a"), nothing, delta(content="b"), nothing)
    assert (whole.first_s, whole.last_s) == (2.0, 4.0)
    assert whole.reply.content == "ab"


@pytest.mark.parametrize(
    "first",
    [
        delta(content=" "),
        delta(reasoning_content="hm"),
        delta(reasoning="hm"),
        delta(tool_calls=[{"index": 0, "id": "x", "function": {"name": "read"}}]),
    ],
)
def test_content_reasoning_and_tool_calls_are(first: dict[str, Any]) -> None:
    assert stream(delta(role="assistant"), first).first_s == 2.0


def test_reasoning_keeps_the_name_under_which_it_came() -> None:
    message = stream(delta(reasoning="th"), delta(reasoning="ink"), delta(content="x")).reply
    assert message.as_message() == {"role": "assistant", "content": "x", "reasoning": "think"}


def test_tool_calls_are_joined_by_their_index() -> None:
    call = {"index": 0, "id": "a", "type": "function", "function": {"name": "ls", "arguments": ""}}
    whole = stream(
        delta(tool_calls=[call]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": '{"p":'}}]),
        delta(tool_calls=[{"index": 1, "id": "b", "function": {"name": "cat"}}]),
        delta(tool_calls=[{"index": 0, "function": {"arguments": "1}"}}]),
    )
    first, second = whole.reply.tool_calls
    assert first["function"] == {"name": "ls", "arguments": '{"p":1}'}
    assert (second["id"], second["function"]["name"]) == ("b", "cat")
    assert (whole.first_s, whole.last_s) == (1.0, 4.0)


def test_usage_timings_and_the_end_are_found() -> None:
    whole = stream(
        delta(content="a"),
        {"choices": [{"delta": {}, "finish_reason": "length"}]},
        {"choices": [], "usage": {"prompt_tokens": 7}, "timings": {"cache_n": 3}},
        "[DONE]",
        delta(content="never"),
    )
    assert (whole.finish_reason, whole.done, whole.error) == ("length", True, None)
    assert whole.usage == {"prompt_tokens": 7}
    assert whole.timings == {"cache_n": 3}
    assert whole.reply.content == "a"


def test_an_error_in_the_stream_ends_it() -> None:
    whole = stream(delta(content="a"), {"error": {"type": "server_error", "message": "no\nroom"}})
    assert whole.error == "server_error: no room"
    assert stream({"error": "plain text"}).error == "plain text"


def test_what_is_not_json_is_an_error() -> None:
    assert stream("<html>").error == "a chunk is not JSON: <html>"
