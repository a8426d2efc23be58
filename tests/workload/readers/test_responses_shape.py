"""Responses items as chat messages, written out by hand."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.workload.model import Recorded
from autotune.workload.readers.responses_shape import (
    chat_messages,
    chat_tools,
    compact,
    items_to_messages,
    recorded_usage,
    reply_message,
)

CALL = {"type": "function_call", "call_id": "c1", "name": "sh", "arguments": '{"cmd": "ls"}'}


def output(call_id: str, value: Any, kind: str = "function_call_output") -> dict[str, Any]:
    return {"type": kind, "call_id": call_id, "output": value}


def test_instructions_then_input() -> None:
    body = {"instructions": "Be brief.", "input": "Hello"}
    assert chat_messages(body) == [
        {"role": "system", "content": "Be brief."},
        {"role": "user", "content": "Hello"},
    ]


def test_developer_is_system_and_parts_of_text_are_one_text() -> None:
    parts = [{"type": "input_text", "text": "a"}, {"type": "input_text", "text": "b"}]
    items = [{"type": "message", "role": "developer", "content": parts}]
    assert chat_messages({"input": items}) == [{"role": "system", "content": "a\nb"}]


def test_items_of_one_reply_are_one_message_and_arguments_stay_the_text_they_were() -> None:
    second = {**CALL, "call_id": "c2", "arguments": "not json"}
    thought = {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]}
    said = {"role": "assistant", "content": [{"type": "output_text", "text": "Looking."}]}
    items = [thought, said, CALL, second, output("c1", "one"), output("c2", "two")]
    assert items_to_messages(items) == [
        {
            "role": "assistant",
            "reasoning_content": "hm",
            "content": "Looking.",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "sh", "arguments": '{"cmd": "ls"}'},
                },
                {
                    "id": "c2",
                    "type": "function",
                    "function": {"name": "sh", "arguments": "not json"},
                },
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": "one"},
        {"role": "tool", "tool_call_id": "c2", "content": "two"},
    ]


def test_free_text_and_actions_become_arguments() -> None:
    custom = {"type": "custom_tool_call", "call_id": "x", "name": "apply_patch", "input": "*** a"}
    shell = {"type": "local_shell_call", "id": "y", "action": {"type": "exec", "command": ["ls"]}}
    (message,) = items_to_messages([custom, shell])
    assert [call["function"] for call in message["tool_calls"]] == [
        {"name": "apply_patch", "arguments": '{"input":"*** a"}'},
        {"name": "local_shell", "arguments": '{"type":"exec","command":["ls"]}'},
    ]
    assert [call["id"] for call in message["tool_calls"]] == ["x", "y"]


def test_a_call_that_the_server_answered_itself_is_text() -> None:
    search = {"type": "web_search_call", "id": "w", "action": {"type": "search", "query": "q"}}
    said = {"role": "assistant", "content": "Found."}
    assert items_to_messages([search, said]) == [
        {
            "role": "assistant",
            "content": '{"type":"web_search_call","action":{"type":"search","query":"q"}}\nFound.',
        }
    ]


@pytest.mark.parametrize(
    ("value", "content"),
    [
        ("text", "text"),
        ([{"type": "input_text", "text": "a"}, {"type": "input_text", "text": ""}], "a\n"),
        ({"content": "failed", "success": False}, "failed"),
        ([{"stdout": "out", "stderr": "err", "outcome": {"type": "exit"}}], "out\nerr"),
        (None, ""),
        (7, ""),
        (
            [{"type": "input_text", "text": "a"}, {"type": "input_image", "image_url": "data:,"}],
            [
                {"type": "text", "text": "a"},
                {"type": "image_url", "image_url": {"url": "data:,"}},
            ],
        ),
    ],
)
def test_outputs_in_all_their_shapes(value: Any, content: Any) -> None:
    (message,) = items_to_messages([output("c1", value, "custom_tool_call_output")])
    assert message == {"role": "tool", "tool_call_id": "c1", "content": content}


def test_encrypted_items_say_nothing_and_words_of_sub_agents_are_a_users() -> None:
    items = [
        {"type": "compaction", "encrypted_content": "xxxx"},
        {"type": "reasoning", "summary": [], "encrypted_content": "xxxx"},
        {"type": "agent_message", "content": [{"type": "input_text", "text": "done"}]},
    ]
    assert items_to_messages(items) == [{"role": "user", "content": "done"}]


def test_reasoning_that_is_there_goes_before_its_summary() -> None:
    thought = {
        "type": "reasoning",
        "summary": [{"type": "summary_text", "text": "short"}],
        "content": [{"type": "reasoning_text", "text": "all of it"}],
    }
    (message,) = items_to_messages([thought])
    assert message["reasoning_content"] == "all of it"


def test_tools() -> None:
    schema = {"type": "object", "properties": {"p": {"type": "string"}}}
    tools = [
        {"type": "function", "name": "read", "description": "d", "parameters": schema},
        {"type": "custom", "name": "patch", "description": "p", "format": {"definition": "g"}},
        {"type": "namespace", "name": "mcp__x__", "tools": [{"type": "function", "name": "do"}]},
        {"type": "web_search"},
        "junk",
    ]
    made = [tool["function"] for tool in chat_tools({"tools": tools})]
    assert [f["name"] for f in made] == ["read", "patch", "mcp__x__do", "web_search"]
    assert made[0] == {"name": "read", "description": "d", "parameters": schema}
    assert made[1]["description"] == "p\ng"
    assert made[1]["parameters"]["required"] == ["input"]


def test_usage() -> None:
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 64},
        "output_tokens": 20,
        "output_tokens_details": {"reasoning_tokens": 5},
    }
    assert recorded_usage(usage) == Recorded(100, 64, 20, 5)
    assert recorded_usage({"input_tokens": True, "output_tokens": -1}) == Recorded()
    assert recorded_usage(None) == Recorded()


def test_a_reply_is_the_message_that_the_next_prompt_carries() -> None:
    reply = [{"type": "message", "role": "assistant", "content": "Hi"}, CALL]
    (expected,) = items_to_messages(reply)
    assert reply_message({"output": reply}) == expected
    assert reply_message({"output": []}) is None


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)
KINDS = (
    "message reasoning function_call web_search_call agent_message compaction custom_tool_call "
    "local_shell_call function_call_output shell_call_output"
)
KEYS = (
    "role content summary call_id id name namespace arguments input output action encrypted_content"
)
kinds = st.sampled_from(KINDS.split())
keys = st.sampled_from(KEYS.split())
items = st.dictionaries(keys, json_values | st.lists(st.dictionaries(keys, json_values)))


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(kinds, items) | json_values, max_size=6), json_values)
def test_any_json_anywhere_gives_messages_with_roles(made: list[Any], tools: Any) -> None:
    shaped = [{"type": m[0], **m[1]} if isinstance(m, tuple) else m for m in made]
    messages = chat_messages({"input": shaped, "instructions": tools})
    assert all(isinstance(message["role"], str) for message in messages)
    json.dumps([messages, chat_tools({"tools": tools}), chat_tools({"tools": [tools]})])
    reply_message({"output": shaped})
    recorded_usage(tools)


def test_what_is_nested_beyond_reason_is_no_text() -> None:
    deep: Any = {}
    for _ in range(100_000):
        deep = {"a": deep}
    assert compact(deep) == "{}"
