"""Chat-shaped prompts as Anthropic requests, and its events as chat chunks."""

from __future__ import annotations

import json
from typing import Any

from autotune.replay.assembly import assemble
from autotune.replay.messages_api import MESSAGES, messages_body
from autotune.replay.sse import SseEvent
from autotune.replay.tool_links import linked
from autotune.replay.usage import counts_of

CACHED = {"type": "ephemeral"}


def call(called: str = "c.1", arguments: str = '{"path": "a"}') -> dict[str, Any]:
    return {"id": called, "type": "function", "function": {"name": "read", "arguments": arguments}}


PROMPT: list[dict[str, Any]] = [
    {"role": "system", "content": "be good"},
    {"role": "user", "content": "task"},
    {"role": "assistant", "content": "on it", "tool_calls": [call("c.1"), call("c2", "")]},
    {"role": "tool", "tool_call_id": "c.1", "content": "one"},
    {"role": "tool", "tool_call_id": "c2", "content": "two"},
    {"role": "user", "content": "go on"},
]
TOOL = {
    "type": "function",
    "function": {"name": "read", "description": "reads", "parameters": {"type": "object"}},
}


def test_a_prompt_as_the_api_wants_it() -> None:
    body = messages_body("m", PROMPT, [TOOL])
    assert body["system"] == [{"type": "text", "text": "be good", "cache_control": CACHED}]
    assert body["tools"] == [
        {"name": "read", "description": "reads", "input_schema": {"type": "object"}}
    ]
    assert (body["tool_choice"], body["stream"]) == ({"type": "none"}, True)
    first, reply, results = body["messages"]
    assert first == {
        "role": "user",
        "content": [{"type": "text", "text": "task", "cache_control": CACHED}],
    }
    assert reply["content"] == [
        {"type": "text", "text": "on it"},
        {"type": "tool_use", "id": "c_1", "name": "read", "input": {"path": "a"}},
        {"type": "tool_use", "id": "c2", "name": "read", "input": {}},
    ]
    assert [b["type"] for b in results["content"]] == ["tool_result", "tool_result", "text"]
    assert results["content"][0] == {"type": "tool_result", "tool_use_id": "c_1", "content": "one"}
    assert results["content"][-1]["cache_control"] == CACHED


def test_what_the_next_turn_reads_is_what_this_one_wrote() -> None:
    """But for the breakpoints, a longer prompt begins with the shorter one."""

    def bare(messages: list[dict[str, Any]]) -> list[Any]:
        stripped = json.loads(json.dumps(messages))
        for message in stripped:
            for block in message["content"]:
                block.pop("cache_control", None)
        return list(stripped)

    short = bare(messages_body("m", PROMPT, [])["messages"])
    longer = [*PROMPT, {"role": "assistant", "content": "done"}, {"role": "user", "content": "ok"}]
    long = messages_body("m", longer, [])["messages"]
    assert bare(long)[: len(short)] == short
    marked = [m["role"] for m in long if "cache_control" in m["content"][-1]]
    assert marked == ["user", "user"]
    assert "cache_control" in long[-3]["content"][-1]  # where the turn before ended


def test_oddities_become_what_is_taken() -> None:
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,QUJD"}}
    body = messages_body(
        "m",
        [
            {"role": "assistant", "content": "first"},
            {"role": "system", "content": "late"},
            {"role": "user", "content": [{"type": "text", "text": ""}, image]},
            {"role": "assistant", "content": None, "tool_calls": [call("x", "not json")]},
        ],
        [],
    )
    opening, first, user, last = body["messages"]
    assert "system" not in body
    assert (opening["role"], first["content"]) == ("user", [{"type": "text", "text": "first"}])
    assert user["content"][0]["text"] == "<system>\nlate\n</system>"
    source = {"type": "base64", "media_type": "image/png", "data": "QUJD"}
    assert user["content"][1] == {"type": "image", "source": source, "cache_control": CACHED}
    assert last["content"][0]["input"] == {"arguments": "not json"}


def test_calls_and_results_are_matched_or_become_text() -> None:
    orphan = {"role": "tool", "tool_call_id": "?", "content": "lost"}
    messages = linked([*PROMPT[:4], orphan, PROMPT[5]])
    assert [c["id"] for c in messages[2]["tool_calls"]] == ["c.1"]
    assert '{"name": "read", "arguments": }' in messages[2]["content"]
    assert messages[3] is PROMPT[3]
    assert messages[4] == {"role": "user", "content": "<tool_response>\nlost\n</tool_response>"}
    assert linked(PROMPT) == tuple(PROMPT)


def events(*told: dict[str, Any]) -> list[SseEvent]:
    return [SseEvent(float(at), json.dumps(one)) for at, one in enumerate(told)]


def delta(**fields: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": 0, "delta": fields}


STREAM = (
    {
        "type": "message_start",
        "message": {
            "usage": {
                "input_tokens": 5,
                "cache_read_input_tokens": 90,
                "cache_creation_input_tokens": 7,
                "output_tokens": 1,
            }
        },
    },
    {"type": "ping"},
    {"type": "content_block_start", "index": 0, "content_block": {"type": "thinking"}},
    delta(type="thinking_delta", thinking="hm"),
    delta(type="signature_delta", signature="xyz"),
    {"type": "content_block_start", "index": 1, "content_block": {"type": "text", "text": ""}},
    delta(type="text_delta", text="so"),
    {
        "type": "content_block_start",
        "index": 2,
        "content_block": {"type": "tool_use", "id": "t", "name": "read", "input": {}},
    },
    {**delta(type="input_json_delta", partial_json='{"a":1}'), "index": 2},
    {
        "type": "message_delta",
        "delta": {"stop_reason": "max_tokens"},
        "usage": {"output_tokens": 9},
    },
    {
        "type": "message_stop",
        "openrouter_metadata": {
            "endpoints": {"available": [{"provider": "B"}, {"provider": "A", "selected": True}]}
        },
    },
)


def test_a_stream_is_read_as_a_chat_stream_is() -> None:
    whole = assemble(events(*STREAM), MESSAGES)
    assert (whole.first_s, whole.last_s) == (3.0, 8.0)  # thinking first, arguments last
    assert (whole.finish_reason, whole.done, whole.provider) == ("length", True, "A")
    assert (whole.reply.content, whole.reply.reasoning) == ("so", "hm")
    assert whole.reply.tool_calls[0]["function"] == {"name": "read", "arguments": '{"a":1}'}
    counts = counts_of(whole, None)
    assert (counts.depth_tokens, counts.cached_tokens) == (102, 90)  # 5 + 90 + 7
    assert (counts.computed_tokens, counts.output_tokens) == (12, 9)
    assert counts.cache_write_tokens == 7


def test_absent_counts_stay_absent() -> None:
    start = {"type": "message_start", "message": {"usage": {"input_tokens": 5}}}
    counts = counts_of(assemble(events(start), MESSAGES), None)
    assert (counts.depth_tokens, counts.cached_tokens, counts.output_tokens) == (5, None, None)


def test_an_error_event_ends_it() -> None:
    error = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
    whole = assemble(events(STREAM[0], error), MESSAGES)
    assert whole.error == "overloaded_error: Overloaded"
