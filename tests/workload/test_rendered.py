"""What renders alike is alike, however it was written; chains know where prompts part."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.model import Message, Turn
from autotune.workload.prefix import shared_chain
from autotune.workload.rendered import Chain, chars_at, rendered_text, tools_text


def user(text: Any) -> Message:
    return {"role": "user", "content": text}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (user("hello"), user([{"type": "text", "text": "hello"}])),
        (user("ab"), user([{"type": "text", "text": "a"}, {"text": "b", "type": "text"}])),
        ({"role": "user", "content": "x"}, {"content": "x", "role": "user"}),
        ({"role": "assistant", "content": None}, {"role": "assistant"}),
    ],
)
def test_two_ways_to_write_one_message(one: Message, other: Message) -> None:
    assert rendered_text(one) == rendered_text(other)


def test_reasoning_and_calls_are_part_of_the_text_and_ids_are_not() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}
    message: Message = {"role": "assistant", "reasoning_content": "hm", "tool_calls": [call]}
    assert rendered_text(message) == 'assistant\nhm\n\nf({"a":1})'
    again: Message = {**message, "tool_calls": [{**call, "id": "2"}]}
    assert rendered_text(again) == rendered_text(message)


@pytest.mark.parametrize("content", [3, {"a": 1}, [1, None, {"type": "image"}], True])
@pytest.mark.parametrize("calls", [None, "x", [1], [{"function": 2}]])
def test_any_json_renders(content: Any, calls: Any) -> None:
    assert isinstance(rendered_text({"role": 5, "content": content, "tool_calls": calls}), str)


def turn(messages: Sequence[Message], tools: Sequence[dict[str, Any]] = ()) -> Turn:
    return Turn("s", 0, tuple(messages), tools=tuple(tools))


def test_a_chain_goes_on_and_parts_where_the_text_does() -> None:
    chain = Chain()
    one, two = user("one"), user("two")
    assert chain.advance(turn([one])) == 0
    # Link 0 is the tools, link 1 the first message: "user", two newlines and "one".
    assert list(chain.chars) == [0, 9]
    assert chain.advance(turn([one, two])) == 2
    assert chain.advance(turn([user("one"), user("2")])) == 2
    assert chain.advance(turn([user("other")])) == 1
    assert chain.advance(turn([user("other")], [{"name": "t"}])) == 0
    assert chars_at(chain, 1) == len(tools_text([{"name": "t"}]))
    assert chars_at(chain, 0) == 0


def test_a_new_object_with_the_same_text_keeps_the_prefix() -> None:
    chain = Chain()
    chain.advance(turn([user("one"), user("two")]))
    assert chain.advance(turn([user([{"type": "text", "text": "one"}]), user("two")])) == 3


@given(st.lists(st.sampled_from("ab"), max_size=8), st.lists(st.sampled_from("ab"), max_size=8))
def test_common_links_are_the_common_prefix(one: list[str], other: list[str]) -> None:
    chains = []
    for texts in (one, other):
        chain = Chain()
        chain.advance(turn([user(text) for text in texts]))
        chains.append(chain.links)
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    assert shared_chain(*chains) == same + 1
    assert shared_chain(array("Q"), chains[0]) == 0
