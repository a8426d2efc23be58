from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.workload.model import Recorded
from autotune.workload.readers.anthropic_shape import (
    assistant_message,
    chat_messages,
    chat_params,
    chat_reply,
    chat_tools,
    is_request,
    lost_thinking,
    merged_reply,
    recorded_usage,
)

MARK = {"type": "ephemeral"}


def text(words: str, **more: Any) -> dict[str, Any]:
    return {"type": "text", "text": words, **more}


def call(called: str, **given: Any) -> dict[str, Any]:
    return {"type": "tool_use", "id": called, "name": "read", "input": given}


def result(called: str, content: Any, **more: Any) -> dict[str, Any]:
    return {"tool_use_id": called, "type": "tool_result", "content": content, **more}


def test_the_moving_breakpoint_leaves_no_trace() -> None:
    before = {"system": [text("be brief", cache_control=MARK)], "messages": [
        {"role": "user", "content": [text("hello", cache_control=MARK)]},
    ]}  # fmt: skip
    after = {"system": "be brief", "messages": [{"role": "user", "content": "hello"}]}
    assert chat_messages(before) == chat_messages(after) == [
        {"role": "system", "content": "be brief"},
        {"role": "user", "content": "hello"},
    ]  # fmt: skip


def test_results_come_before_what_the_user_said() -> None:
    content = [text("and now?"), result("c1", "one"), result("c2", [text("two"), text("three")])]
    assert chat_messages({"messages": [{"role": "user", "content": content}]}) == [
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two\nthree"},
        {"role": "user", "content": "and now?"},
    ]


def test_a_result_that_is_no_content_is_sent_as_json() -> None:
    found = [{"query": "é", "result": "1 | x"}]
    content = [result("c1", found), result("c2", {"ok": True}), result("c3", 7)]
    shaped = chat_messages({"messages": [{"role": "user", "content": content}]})
    said = [message["content"] for message in shaped]
    assert said == ['[{"query":"é","result":"1 | x"}]', '{"ok":true}', "7"]


def test_results_alone_leave_no_user_message() -> None:
    content = [result("c1", "no such file", is_error=True), result("c2", None)]
    shaped = chat_messages({"messages": [{"role": "user", "content": content}]})
    assert [(m["role"], m["content"]) for m in shaped] == [("tool", "no such file"), ("tool", "")]


def test_an_assistant_keeps_its_reasoning_and_the_order_of_its_arguments() -> None:
    thinking = {"type": "thinking", "thinking": "hm", "signature": "x" * 99}
    content = [thinking, text("reading"), call("c1", path="a.py", limit=3, a="é"), call("c2")]
    (shaped,) = chat_messages({"messages": [{"role": "assistant", "content": content}]})
    assert shaped == {
        "role": "assistant",
        "content": "reading",
        "reasoning_content": "hm",
        "tool_calls": [
            {
                "id": "c1",
                "type": "function",
                "function": {"name": "read", "arguments": '{"path":"a.py","limit":3,"a":"é"}'},
            },
            {"id": "c2", "type": "function", "function": {"name": "read", "arguments": "{}"}},
        ],
    }
    assert chat_reply({"role": "assistant", "content": content}) == shaped


block_lists = st.lists(
    st.sampled_from(["a", "b"]).map(text)
    | st.just({"type": "thinking", "thinking": "hm"})
    | st.just({"type": "thinking", "thinking": ""})
    | st.sampled_from(["c1", "c2"]).map(call),
    min_size=1,
    max_size=3,
)


@settings(max_examples=60)
@given(st.lists(block_lists, min_size=1, max_size=4))
def test_a_reply_in_parts_is_the_reply(parts: list[list[dict[str, Any]]]) -> None:
    whole = assistant_message([block for part in parts for block in part])
    assert merged_reply([assistant_message(part) for part in parts]) == whole


def test_blank_and_encrypted_thinking_is_lost() -> None:
    blank = {"type": "thinking", "thinking": "", "signature": "abc"}
    hidden = {"type": "redacted_thinking", "data": "abc"}
    assert chat_reply({"content": [blank, text("done")]}) == {
        "role": "assistant",
        "content": "done",
    }
    assert lost_thinking([blank])
    assert lost_thinking([hidden])
    assert not lost_thinking([{"type": "thinking", "thinking": "hm"}, text("done")])
    assert not any(map(lost_thinking, ["text", None, [3]]))


def test_no_reply_is_none() -> None:
    assert chat_reply({"type": "error", "error": {}}) is None
    assert chat_reply({"content": []}) is None
    assert chat_reply(None) is None
    assert chat_reply({"content": "said"}) == {"role": "assistant", "content": "said"}


def test_the_billing_header_stands_still() -> None:
    def system(cch: str) -> Any:
        header = f"x-anthropic-billing-header: cc_version=2.1; cch={cch}; cc_entrypoint=cli;"
        body = {"system": [text(header), text("cch=ours is text")], "messages": []}
        return chat_messages(body)[0]["content"]

    frozen = "x-anthropic-billing-header: cc_version=2.1; cch=00000; cc_entrypoint=cli;"
    assert system("a1b2c") == system("ffff0") == f"{frozen}\ncch=ours is text"


def test_a_system_message_in_mid_conversation_keeps_its_place() -> None:
    messages = [
        {"role": "user", "content": "hi"},
        {"role": "system", "content": [text("9 tokens left", cache_control=MARK)]},
    ]
    assert [m["role"] for m in chat_messages({"system": [], "messages": messages})] == [
        "user",
        "system",
    ]


def test_tools() -> None:
    schema = {"type": "object", "properties": {"b": {}, "a": {}}}
    tools = [
        {"name": "read", "description": "Reads.", "input_schema": schema, "cache_control": MARK},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
    read, search = chat_tools({"tools": tools})
    assert read == {
        "type": "function",
        "function": {"name": "read", "description": "Reads.", "parameters": schema},
    }
    assert list(read["function"]["parameters"]["properties"]) == ["b", "a"]
    assert search["function"]["parameters"] == {"type": "object", "properties": {}}
    assert chat_tools({}) == []


def test_parameters_take_their_openai_names() -> None:
    body = {"max_tokens": 9, "temperature": 0, "top_p": True, "stop_sequences": ["x"], "model": "m"}
    assert chat_params(body) == {"max_tokens": 9, "temperature": 0, "stop": ["x"]}


def test_the_prompt_is_the_sum_of_three_counts() -> None:
    usage = {
        "input_tokens": 2,
        "cache_read_input_tokens": 20362,
        "cache_creation_input_tokens": 12375,
        "output_tokens": 142,
        "output_tokens_details": {"thinking_tokens": 17},
    }
    assert recorded_usage(usage) == Recorded(32739, 20362, 142, 17)
    assert recorded_usage({"input_tokens": 5}) == Recorded(5)
    assert recorded_usage({"output_tokens": -1, "cache_read_input_tokens": True}) == Recorded()
    assert recorded_usage("3") == Recorded()


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ({}, "messages: not a list"),
        ({"messages": [3]}, "needs a role"),
        ({"messages": [{"role": "user"}]}, "neither text nor blocks"),
        ({"messages": [{"role": "user", "content": [{"type": "tool_result"}]}]}, "tool_use_id"),
        ({"messages": [{"role": "assistant", "content": [{"type": "tool_use"}]}]}, "no name"),
        ({"messages": [], "system": 3}, "neither text nor blocks"),
    ],
)
def test_other_shapes_are_refused(body: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        chat_messages(body)


@pytest.mark.parametrize("tools", [3, [3], [{"type": "x"}]])
def test_other_tools_are_refused(tools: Any) -> None:
    with pytest.raises(ValueError, match="tools"):
        chat_tools({"tools": tools})


def test_what_tells_it_from_an_openai_request() -> None:
    said = [{"role": "user", "content": "hi"}]
    assert is_request({"messages": said, "system": "s"})
    assert is_request({"messages": said, "tools": [{"name": "r", "input_schema": {}}]})
    assert is_request({"messages": [{"role": "user", "content": [result("c", "x")]}]})
    assert not is_request({"messages": said})
    assert not is_request({"messages": [*said, {"role": "tool", "content": "x"}], "system": "s"})
    assert not is_request({"messages": "hi", "system": "s"})
    assert not is_request([])


_KEYS = ["type", "text", "role", "content", "messages", "system", "tools", "name", "id"]
_KEYS += ["input", "source", "data", "url", "tool_use_id", "thinking"]
_KINDS = ["tool_use", "tool_result", "document", "image", "user", "assistant"]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(_KINDS),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), inner, max_size=4)
    ),
    max_leaves=12,
)


@settings(max_examples=150, deadline=None)
@given(json_values, json_values, json_values)
def test_any_value_anywhere_is_shaped_or_refused(system: Any, messages: Any, tools: Any) -> None:
    body = {"system": system, "messages": messages, "tools": tools, "max_tokens": system}
    for shape in (chat_messages, chat_tools, chat_reply):
        with suppress(ValueError):
            shape(body)
    assert recorded_usage(body) == Recorded()
    assert is_request(body) in (True, False)
    assert lost_thinking(messages) in (True, False)
    chat_params(body)
