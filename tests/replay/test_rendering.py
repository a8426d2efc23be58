"""The shapes a chat template is given."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.replay.endpoint import Rendering
from autotune.replay.rendering import render
from autotune.workload.model import Message

ARGUMENTS = '{"b":1,  "a": "ü"}'
CALL = {"id": "1", "type": "function", "function": {"name": "read", "arguments": ARGUMENTS}}
TOOL = {"type": "function", "function": {"name": "read"}}
TALK: tuple[Message, ...] = (
    {"role": "system", "content": "S"},
    {"role": "user", "content": [{"type": "text", "text": "U"}, {"type": "image_url"}]},
    {"role": "assistant", "content": None, "tool_calls": [CALL], "reasoning_content": "R"},
    {"role": "tool", "tool_call_id": "1", "content": "T"},
    {"role": "system", "content": "late"},
    {"role": "critic", "content": "C"},
)


def test_native_sends_the_very_objects() -> None:
    rendered = render(TALK, (TOOL,), Rendering.NATIVE)
    assert all(a is b for a, b in zip(rendered.messages, TALK, strict=True))
    assert rendered.tools == (TOOL,)
    assert rendered.rewrites == {}


def test_plain_says_everything_in_three_roles() -> None:
    rendered = render(TALK, (TOOL,), Rendering.PLAIN)
    tools = '<tools>\n{"type": "function", "function": {"name": "read"}}\n</tools>'
    call = f'<tool_call>\n{{"name": "read", "arguments": {ARGUMENTS}}}\n</tool_call>'
    assert rendered.messages == (
        {"role": "system", "content": f"S\n\n{tools}"},
        {"role": "user", "content": "U\n[image]"},
        {"role": "assistant", "content": call, "reasoning_content": "R"},
        {"role": "user", "content": "<tool_response>\nT\n</tool_response>"},
        {"role": "user", "content": "<system>\nlate\n</system>"},
        {"role": "user", "content": "<message>\nC\n</message>"},
    )
    assert rendered.tools == ()
    assert rendered.rewrites == {
        "tool-definitions": 1,
        "content-parts": 1,
        "no-content": 1,
        "tool-call": 1,
        "tool-result": 1,
        "late-system": 1,
        "unknown-role": 1,
    }


def test_plain_makes_room_for_tools_where_there_is_no_system_message() -> None:
    first, second = render(TALK[1:2], (TOOL,), Rendering.PLAIN).messages
    assert first["role"] == "system"
    assert str(first["content"]).startswith("<tools>")
    assert second["role"] == "user"


def test_alternating_bridges_what_would_repeat_a_role() -> None:
    rendered = render(TALK[:4], (), Rendering.ALTERNATING)
    assert [m["role"] for m in rendered.messages] == [
        "user", "assistant", "user", "assistant", "user",
    ]  # fmt: skip
    assert rendered.messages[0]["content"] == "<system>\nS\n</system>"
    assert rendered.messages[1]["content"] == "Understood."
    assert rendered.rewrites["bridge"] == 1
    assert rendered.rewrites["leading-system"] == 1
    replies: tuple[Message, ...] = ({"role": "assistant", "content": "a"},) * 2
    roles = [m["role"] for m in render(replies, (), Rendering.ALTERNATING).messages]
    assert roles == ["user", "assistant", "user", "assistant"]


contents = st.one_of(
    st.none(), st.text(max_size=4), st.just([{"type": "text", "text": "part"}, {"type": "image"}])
)
messages = st.fixed_dictionaries(
    {
        "role": st.sampled_from(["system", "user", "assistant", "tool", "developer", "other"]),
        "content": contents,
    },
    optional={"tool_calls": st.just([CALL]), "tool_call_id": st.just("1")},
)


@pytest.mark.parametrize("rendering", list(Rendering))
@settings(max_examples=60, deadline=None)
@given(talk=st.lists(messages, min_size=1, max_size=9), data=st.data(), with_tools=st.booleans())
def test_a_longer_prompt_begins_with_the_shorter_one(
    rendering: Rendering, talk: list[dict[str, Any]], data: st.DataObject, with_tools: bool
) -> None:
    tools = (TOOL,) if with_tools else ()
    cut = data.draw(st.integers(1, len(talk)))
    whole = render(talk, tools, rendering).messages
    part = render(talk[:cut], tools, rendering).messages
    assert whole[: len(part)] == part


@settings(max_examples=60, deadline=None)
@given(talk=st.lists(messages, max_size=9))
def test_alternating_alternates(talk: list[dict[str, Any]]) -> None:
    roles = [m["role"] for m in render(talk, (), Rendering.ALTERNATING).messages]
    assert roles == ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2)
