from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.model import Recorded
from autotune.workload.readers.openai_shape import (
    chat_messages,
    chat_params,
    chat_reply,
    chat_tools,
    prompt_messages,
    recorded_usage,
)

USER = {"role": "user", "content": "Hi"}


def answered(message: Any) -> dict[str, Any]:
    return {"choices": [{"index": 0, "message": message}]}


def test_messages_stay_as_they_are() -> None:
    messages = [USER, {"content": None, "role": "assistant", "tool_calls": [{"function": {}}]}]
    assert chat_messages({"messages": messages}) is messages


@pytest.mark.parametrize(
    "message",
    [
        None,
        {},
        {"role": 1},
        {**USER, "content": {}},
        {**USER, "content": [1]},
        {**USER, "tool_calls": {}},
        {**USER, "tool_calls": [{"function": 1}]},
    ],
)
def test_what_no_server_would_take_is_refused(message: Any) -> None:
    with pytest.raises(ValueError, match="messages: "):
        chat_messages({"messages": [USER, message]})


def test_functions_are_tools_of_an_older_name() -> None:
    assert chat_tools({"functions": [{"name": "f"}]}) == [
        {"type": "function", "function": {"name": "f"}}
    ]
    assert chat_tools({}) == []
    with pytest.raises(ValueError, match="tools: "):
        chat_tools({"tools": [1]})


def test_only_what_shapes_the_reply_is_a_parameter() -> None:
    body = {"temperature": 0, "user": "ann", "stream": True, "api_key": "k", "top_p": None}
    assert chat_params(body) == {"temperature": 0}


def test_a_flat_prompt() -> None:
    assert prompt_messages({"prompt": ["x"]}) == [{"role": "user", "content": "x"}]
    for prompt in ([1, 2], ["a", "b"], "", None):
        with pytest.raises(ValueError, match="prompt: "):
            prompt_messages({"prompt": prompt})


@pytest.mark.parametrize(
    ("message", "reply"),
    [
        ({"role": "assistant", "content": "x", "refusal": None}, {"content": "x"}),
        ({"content": None, "tool_calls": [{"function": {"name": "f"}}]}, "calls"),
        ({"content": "", "annotations": []}, {"content": ""}),
        ({"content": None}, None),
        ({"content": 5}, None),
        ("text", None),
    ],
)
def test_replies_lose_their_empty_parts(message: Any, reply: Any) -> None:
    calls = {"tool_calls": [{"function": {"name": "f"}}]}
    expected = calls if reply == "calls" else reply
    found = chat_reply(answered(message))
    assert found == (None if reply is None else {"role": "assistant", **expected})


def test_a_text_completion() -> None:
    assert chat_reply({"choices": [{"text": "y"}]}) == {"role": "assistant", "content": "y"}
    assert chat_reply({"choices": []}) is None
    assert chat_reply(None) is None


def test_usage() -> None:
    details = {"cached_tokens": 8}
    usage = {"prompt_tokens": 10, "completion_tokens": 2, "prompt_tokens_details": details}
    known = {**usage, "completion_tokens_details": {"reasoning_tokens": 1}}
    assert recorded_usage({"usage": known, "model": "m"}) == Recorded(10, 8, 2, 1, model="m")
    assert recorded_usage({"usage": {"prompt_tokens": 9, "prompt_cache_hit_tokens": 4}}) == (
        Recorded(9, 4)
    )


def test_timings_of_llama_cpp_stand_in() -> None:
    timings = {"cache_n": 90, "prompt_n": 10, "predicted_n": 5}
    assert recorded_usage({"timings": timings}) == Recorded(100, 90, 5)
    assert recorded_usage({"usage": 5, "timings": []}) == Recorded()
