from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.readers.fizeau_events import delta_has_output
from autotune.workload.readers.fizeau_shape import (
    arguments_text,
    chat_message,
    chat_reply,
    chat_tool,
    sampling,
)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"b": 1, "a": "é"}, '{"b":1,"a":"é"}'),
        ("{not json", "{not json"),
        (None, "{}"),
        ([], "[]"),
    ],
)
def test_arguments_become_text(arguments: Any, text: str) -> None:
    assert arguments_text(arguments) == text


@given(st.dictionaries(st.text(), st.integers() | st.text() | st.booleans() | st.none()))
def test_arguments_lose_nothing(arguments: dict[str, Any]) -> None:
    back = json.loads(arguments_text(arguments))
    assert (back, list(back)) == (arguments, list(arguments))


def test_messages_keep_their_other_keys_and_order() -> None:
    message = {"role": "assistant", "tool_calls": [{"id": "1", "name": "f", "x": 2}], "note": "n"}
    shaped = chat_message(message)
    assert list(shaped) == ["role", "tool_calls", "note"]
    assert shaped["tool_calls"] == [
        {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}, "x": 2}
    ]


def test_what_has_chat_shape_already_stays() -> None:
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    assert chat_message({"role": "assistant", "tool_calls": [call]})["tool_calls"] == [call]
    tool = {"type": "function", "function": {"name": "f"}}
    assert chat_tool(tool) == tool


def test_replies() -> None:
    assert chat_reply("hi", None) == {"role": "assistant", "content": "hi"}
    assert chat_reply(None, None) == {"role": "assistant", "content": ""}
    assert list(chat_reply("", [{"id": "1", "name": "f"}])) == ["role", "tool_calls"]


def test_zero_temperature_is_set_and_zero_tokens_is_not() -> None:
    data = {"temperature": 0, "max_tokens": 0, "seed": 0, "top_p": None, "stop": ["x"], "model": ""}
    assert sampling(data) == {"temperature": 0, "stop": ["x"]}


@pytest.mark.parametrize(
    ("data", "output"),
    [
        ({"model": "m"}, False),
        ({"content": ""}, False),
        ({"content": "a"}, True),
        ({"reasoning_content": "a"}, True),
        ({"tool_call_id": "1", "tool_call_name": "f"}, True),
        ({"finish_reason": "stop", "usage": {"input": 1}}, False),
    ],
)
def test_which_deltas_are_output(data: dict[str, Any], output: bool) -> None:
    assert delta_has_output(data) is output
