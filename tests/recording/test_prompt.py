from __future__ import annotations

from typing import Any

import pytest

from autotune.recording.apis import Api
from autotune.recording.prompt import read_prompt
from autotune.workload.model import Fidelity, PromptFidelity


def test_a_chat_prompt_is_as_it_was_sent() -> None:
    messages = [{"content": "hi", "role": "user", "odd": 1}]
    tools = [{"type": "function", "function": {"name": "f"}}]
    body = {"model": "m", "messages": messages, "tools": tools, "temperature": 0, "user": "alice"}
    prompt = read_prompt(Api.CHAT, body)
    assert list(prompt.messages[0]) == ["content", "role", "odd"]
    assert list(prompt.tools) == tools
    assert prompt.params == {"temperature": 0}  # who asked is nobody's business
    assert prompt.fidelity == Fidelity()


def test_an_anthropic_prompt_in_chat_shape() -> None:
    body = {
        "system": "be",
        "messages": [
            {"role": "user", "content": "hi"},
            {
                "role": "assistant",
                "content": [
                    {"type": "thinking", "thinking": "", "signature": "x"},
                    {"type": "tool_use", "id": "t1", "name": "f", "input": {"b": 1, "a": 2}},
                ],
            },
            {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1"}]},
        ],
        "max_tokens": 9,
        "metadata": {"user_id": "u"},
    }
    prompt = read_prompt(Api.MESSAGES, body)
    assert [m["role"] for m in prompt.messages] == ["system", "user", "assistant", "tool"]
    assert prompt.messages[2]["tool_calls"][0]["function"]["arguments"] == '{"b":1,"a":2}'
    assert prompt.params == {"max_tokens": 9}
    assert prompt.fidelity == Fidelity(missing=("thinking",))


def test_a_responses_prompt_in_chat_shape() -> None:
    body = {
        "instructions": "be",
        "input": [
            {"role": "user", "content": [{"type": "input_text", "text": "hi"}]},
            {"type": "reasoning", "encrypted_content": "gAAA", "summary": []},
            {"type": "function_call", "call_id": "c1", "name": "f", "arguments": '{"a": 1}'},
            {"type": "function_call_output", "call_id": "c1", "output": "x"},
        ],
        "tools": [{"type": "function", "name": "f", "parameters": {}}],
        "max_output_tokens": 7,
    }
    prompt = read_prompt(Api.RESPONSES, body)
    assert [m["role"] for m in prompt.messages] == ["system", "user", "assistant", "tool"]
    assert prompt.messages[2]["tool_calls"][0]["function"]["arguments"] == '{"a": 1}'
    assert prompt.tools[0]["function"]["name"] == "f"
    assert prompt.params == {"max_tokens": 7}
    assert prompt.fidelity.missing == ("thinking",)
    held = read_prompt(Api.RESPONSES, {"input": "hi", "conversation": "conv_1"})
    assert held.fidelity == Fidelity(PromptFidelity.REBUILT, ("history",))


def test_a_rendered_prompt_is_one_message_without_roles() -> None:
    prompt = read_prompt(Api.COMPLETIONS, {"prompt": ["<user>hi"]})
    assert prompt.messages == ({"role": "user", "content": "<user>hi"},)
    assert prompt.raw == "<user>hi"
    assert prompt.fidelity == Fidelity(PromptFidelity.REBUILT, ("roles",))


@pytest.mark.parametrize(
    ("api", "body"),
    [
        (Api.CHAT, {}),
        (Api.CHAT, {"messages": []}),
        (Api.CHAT, {"messages": [{"content": "no role"}]}),
        (Api.CHAT, {"messages": [{"role": "user"}], "tools": [1]}),
        (Api.COMPLETIONS, {"prompt": [1, 2, 3]}),
        (Api.COMPLETIONS, {"prompt": ["a", "b"]}),
        (Api.MESSAGES, {"messages": "hi"}),
        (Api.MESSAGES, {"messages": [{"role": "user", "content": [{"text": "no type"}]}]}),
        (Api.RESPONSES, {"input": 5}),
    ],
)
def test_what_is_no_prompt_is_refused(api: Api, body: dict[str, Any]) -> None:
    with pytest.raises(ValueError):
        read_prompt(api, body)
