"""Replies put together from streams and bodies of every API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from fake_upstream import chat_chunk, named_events, sse

from autotune.recording.answer import ENDED_EARLY, Answer, error_text, read_answer
from autotune.recording.apis import Api
from autotune.recording.exchange import CLIENT_GONE, Exchange
from autotune.workload.model import Recorded

STREAM = "text/event-stream; charset=utf-8"


def answered(api: Api, chunks: list[bytes], kind: str = STREAM, **more: Any) -> Answer:
    """The reply whose pieces came one second after another; the request began at 100 s."""
    stamped = tuple((101.0 + at, data) for at, data in enumerate(chunks))
    given = {"status": 200, "content_type": kind, "chunks": stamped, **more}
    return read_answer(Exchange(api, 0.0, 100.0, 999.0, b"", **given), lambda: None)


def whole(api: Api, body: Any) -> Answer:
    return answered(api, [json.dumps(body).encode()], "application/json")


def call(index: int | None, call_id: str, name: str, arguments: str) -> dict[str, Any]:
    piece: dict[str, Any] = {"function": {"name": name, "arguments": arguments}}
    if index is not None:
        piece["index"] = index
    return {**piece, "id": call_id, "type": "function"} if call_id else piece


def test_a_chat_stream() -> None:
    chunks = sse(
        chat_chunk({"role": "assistant", "content": ""}),
        chat_chunk({"reasoning": "hm", "reasoning_content": "hm"}),
        chat_chunk({"content": "I look. "}),
        chat_chunk({"tool_calls": [call(0, "c1", "read", ""), call(1, "c2", "list", "{")]}),
        chat_chunk({"tool_calls": [call(0, "", "", '{"path": "a"}'), call(1, "", "", "}")]}),
        chat_chunk({}, "tool_calls"),
        {"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 5}},
    )
    found = answered(Api.CHAT, chunks)
    assert found.ttft_s == 2.0  # the role came after 1 s and is no token
    assert found.failure is None
    assert found.usage == Recorded(prompt_tokens=9, completion_tokens=5, model="m")
    assert found.message is not None
    assert found.message["content"] == "I look. "
    assert found.message["reasoning_content"] == "hm"
    assert [c["function"]["arguments"] for c in found.message["tool_calls"]] == [
        '{"path": "a"}',
        "{}",
    ]


def test_calls_without_an_index_are_told_apart_by_their_ids() -> None:
    chunks = sse(
        chat_chunk({"tool_calls": [call(None, "c1", "read", "{")]}),
        chat_chunk({"tool_calls": [call(None, "", "", "}")]}),
        chat_chunk({"tool_calls": [call(None, "c2", "list", "{}")]}, "tool_calls"),
    )
    message = answered(Api.CHAT, chunks).message
    assert message is not None
    assert [(c["id"], c["function"]["arguments"]) for c in message["tool_calls"]] == [
        ("c1", "{}"),
        ("c2", "{}"),
    ]


def test_timings_tell_the_counts_where_a_stream_carries_no_usage() -> None:
    timings = {"cache_n": 30, "prompt_n": 4, "predicted_n": 2}
    found = answered(Api.CHAT, sse(chat_chunk({"content": "x"}, "stop", timings=timings)))
    assert (found.usage.prompt_tokens, found.usage.cached_tokens) == (34, 30)
    assert found.usage.completion_tokens == 2


def test_a_chat_body() -> None:
    message = {"role": "assistant", "content": "hi", "tool_calls": None}
    usage = {"prompt_tokens": 3, "completion_tokens": 1, "prompt_tokens_details": None}
    found = whole(Api.CHAT, {"model": "m", "choices": [{"message": message}], "usage": usage})
    assert found.message == {"role": "assistant", "content": "hi"}
    assert found.ttft_s is None
    assert found.usage.cached_tokens is None


def test_text_completions() -> None:
    chunks = [{"choices": [{"text": t, "finish_reason": f}]} for t, f in (("a", None), ("b", "x"))]
    found = answered(Api.COMPLETIONS, sse(*chunks))
    assert (found.message, found.ttft_s) == ({"role": "assistant", "content": "ab"}, 1.0)
    assert whole(Api.COMPLETIONS, chunks[0]).message == {"role": "assistant", "content": "a"}


def test_of_several_replies_the_first_is_kept() -> None:
    def piece(index: int, text: str) -> dict[str, Any]:
        return {"choices": [{"index": index, "delta": {"content": text}, "finish_reason": None}]}

    both = {"choices": [{"index": 1, "delta": {"content": "y"}}, piece(0, "b")["choices"][0]]}
    done = [{"choices": [{"index": at, "delta": {}, "finish_reason": "stop"}]} for at in (1, 0)]
    found = answered(Api.CHAT, sse(piece(1, "x"), piece(0, "a"), both, *done))
    assert found.message == {"role": "assistant", "content": "ab"}
    assert (found.failure, found.ttft_s) == (None, 2.0)


def anthropic_stream() -> list[dict[str, Any]]:
    def block(index: int, **block: Any) -> dict[str, Any]:
        return {"type": "content_block_start", "index": index, "content_block": block}

    def delta(index: int, **delta: Any) -> dict[str, Any]:
        return {"type": "content_block_delta", "index": index, "delta": delta}

    usage = {"input_tokens": 2, "cache_read_input_tokens": 90, "cache_creation_input_tokens": 8}
    start = {"model": "claude", "usage": {**usage, "output_tokens": 1}}
    return [
        {"type": "message_start", "message": start},
        block(0, type="thinking", thinking=""),
        delta(0, type="thinking_delta", thinking="hm"),
        delta(0, type="signature_delta", signature="s"),
        block(1, type="text", text=""),
        {"type": "ping"},
        delta(1, type="text_delta", text="I look."),
        block(2, type="tool_use", id="t1", name="read", input={}),
        delta(2, type="input_json_delta", partial_json='{"b": 1,'),
        delta(2, type="input_json_delta", partial_json=' "a": 2}'),
        block(3, type="tool_use", id="t2", name="list", input={}),
        {"type": "message_delta", "delta": {}, "usage": {"output_tokens": 25}},
        {"type": "message_stop"},
    ]


def test_an_anthropic_stream() -> None:
    found = answered(Api.MESSAGES, named_events(*anthropic_stream()))
    assert found.ttft_s == 3.0
    assert found.failure is None
    assert found.usage == Recorded(100, 90, 25, model="claude")
    assert found.message is not None
    assert (found.message["content"], found.message["reasoning_content"]) == ("I look.", "hm")
    assert [c["function"]["arguments"] for c in found.message["tool_calls"]] == [
        '{"b": 1, "a": 2}',
        "{}",
    ]


def test_an_anthropic_stream_that_was_cut_keeps_what_came() -> None:
    chunks = named_events(*anthropic_stream()[:7])
    found = answered(Api.MESSAGES, chunks, failure=CLIENT_GONE)
    assert found.failure == CLIENT_GONE
    assert found.message == {
        "role": "assistant",
        "content": "I look.",
        "reasoning_content": "hm",
    }
    assert answered(Api.MESSAGES, chunks).failure == ENDED_EARLY


def test_an_anthropic_body() -> None:
    body = {"model": "claude", "usage": {"input_tokens": 3, "output_tokens": 1}}
    found = whole(Api.MESSAGES, {**body, "content": [{"type": "text", "text": "hi"}]})
    assert found.message == {"role": "assistant", "content": "hi"}
    assert found.usage.prompt_tokens == 3


def responses_stream() -> list[dict[str, Any]]:
    reasoning = {"type": "reasoning", "summary": []}
    text = {"type": "message", "role": "assistant", "content": []}
    call = {"type": "function_call", "call_id": "c1", "name": "read", "arguments": ""}
    done = {"type": "message", "role": "assistant"}
    return [
        {"type": "response.created", "response": {"id": "r1", "model": "gpt"}},
        {"type": "response.output_item.added", "output_index": 0, "item": reasoning},
        {"type": "response.output_item.added", "output_index": 1, "item": text},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "I "},
        {"type": "response.output_text.delta", "output_index": 1, "delta": "look."},
        {
            "type": "response.output_item.done",
            "output_index": 1,
            "item": {**done, "content": [{"type": "output_text", "text": "I look."}]},
        },
        {"type": "response.output_item.added", "output_index": 2, "item": call},
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": '{"a":'},
        {"type": "response.function_call_arguments.delta", "output_index": 2, "delta": " 1}"},
    ]


@pytest.mark.parametrize("is_cut", [False, True])
def test_a_responses_stream(is_cut: bool) -> None:
    usage = {"input_tokens": 50, "input_tokens_details": {"cached_tokens": 40}, "output_tokens": 6}
    last = {"id": "r1", "model": "gpt", "output": [], "usage": usage}
    end = [] if is_cut else [{"type": "response.completed", "response": last}]
    found = answered(Api.RESPONSES, named_events(*responses_stream(), *end))
    assert found.ttft_s == 4.0
    assert found.failure == (ENDED_EARLY if is_cut else None)
    assert found.response_id == "r1"
    assert found.usage.prompt_tokens == (None if is_cut else 50)
    assert found.usage.model == "gpt"
    assert found.message is not None
    assert found.message["content"] == "I look."
    assert found.message["tool_calls"][0]["function"] == {"name": "read", "arguments": '{"a": 1}'}


def test_a_responses_body() -> None:
    output = [{"type": "message", "role": "assistant", "content": [{"text": "hi"}]}]
    found = whole(Api.RESPONSES, {"id": "r2", "output": output, "usage": {"input_tokens": 1}})
    assert (found.message, found.response_id) == ({"role": "assistant", "content": "hi"}, "r2")


@pytest.mark.parametrize(
    ("chunks", "failure"),
    [
        (sse({"error": {"type": "overloaded", "message": "try\nlater"}}), "overloaded: try later"),
        ([b'event: error\ndata: {"error": {"message": "no"}}\n\n'], "no"),
        ([b'error: {"code": 500, "message": "no"}\n\n'], "500: no"),
        (sse({"type": "response.failed", "response": {"error": {"message": "no"}}}), "no"),
        (sse(chat_chunk({"content": "x"}), done=False), ENDED_EARLY),
        ([], ENDED_EARLY),
    ],
)
def test_errors_in_mid_stream(chunks: list[bytes], failure: str) -> None:
    assert answered(Api.CHAT, chunks).failure == failure


def test_a_client_that_hangs_up_after_the_end_has_all_of_it() -> None:
    chunks = sse(chat_chunk({"content": "x"}, "stop"), done=False)
    assert answered(Api.CHAT, chunks, failure=CLIENT_GONE).failure is None


def test_a_stream_that_does_not_say_that_it_is_one() -> None:
    chunks = sse(chat_chunk({"content": "x"}, "stop"))
    assert answered(Api.CHAT, chunks, "application/json").message is not None


@pytest.mark.parametrize("body", [b"<html>", b"[1]", b"\xff", b"[" * 100_000])
def test_a_body_that_cannot_be_read_is_a_failure(body: bytes) -> None:
    found = answered(Api.CHAT, [body], "text/html")
    assert str(found.failure).startswith("the reply cannot be read: ")


def test_a_body_that_is_an_error() -> None:
    assert whole(Api.CHAT, {"error": "out of cheese"}).failure == "out of cheese"
    assert error_text(None) == "None"
    assert error_text({"error": {}}) == "an error without a message"


@pytest.mark.parametrize("api", list(Api))
def test_events_of_odd_shapes_are_passed_over(api: Api) -> None:
    odd: list[Any] = [
        [1],
        {"choices": 5},
        {"choices": [{"delta": {"tool_calls": [3, {"function": 4}], "content": 7}}]},
        {"type": "content_block_delta", "index": "x", "delta": {"type": ["text_delta"]}},
        {"type": "content_block_start", "content_block": {"type": 5}},
        {"type": "response.output_item.added", "item": [1]},
        {"type": "response.x.delta", "delta": {"a": 1}},
        {"type": 9, "usage": [], "message": 3, "response": "r"},
    ]
    assert answered(api, sse(*odd)).ttft_s is None
