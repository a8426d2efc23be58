"""pi's messages, one at a time."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.model import Recorded
from autotune.workload.readers.pi_shape import (
    chat_content,
    chat_message,
    chat_reply,
    hides_thinking,
    recorded_usage,
)


@pytest.mark.parametrize(
    ("message", "shaped"),
    [
        ({"role": "custom", "content": "x"}, {"role": "user", "content": "x"}),
        ({"role": "compactionSummary", "summary": "s"}, {"role": "user", "content": "s"}),
        ({"role": "branchSummary", "summary": 3}, None),
        ({"role": "bashExecution", "command": "ls", "excludeFromContext": True}, None),
        ({"role": "bashExecution", "command": "ls"}, {"role": "user", "content": "$ ls\n"}),
        ({"role": "toolResult"}, {"role": "tool", "tool_call_id": "", "content": ""}),
        ({"role": "else"}, None),
    ],
)
def test_messages(message: dict[str, Any], shaped: Any) -> None:
    assert chat_message(message) == shaped


def test_images_stay_parts() -> None:
    image = {"type": "image", "data": "AAAA", "mimeType": "image/jpeg"}
    assert chat_content([{"type": "text", "text": "see"}, image, {"type": "image"}]) == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,AAAA"}},
    ]


def test_replies() -> None:
    block = {"type": "toolCall", "id": "a", "name": "f", "arguments": '{"x": 1}'}
    reply = chat_reply({"content": [block], "stopReason": "toolUse"})
    assert reply is not None
    assert "content" not in reply
    assert reply["tool_calls"][0]["function"] == {"name": "f", "arguments": '{"x": 1}'}
    assert chat_reply({"content": [block], "stopReason": "error"}) is None
    assert chat_reply({"content": "text"}) is None
    hidden = {"type": "thinking", "thinking": "", "thinkingSignature": "s"}
    assert hides_thinking({"content": [hidden]})
    assert not hides_thinking({"content": [{**hidden, "thinking": "words"}, 7]})


def test_usage_of_nothing_is_nothing() -> None:
    assert recorded_usage({"input": 0, "output": 3}) == Recorded()
    assert recorded_usage([1]) == Recorded()
    assert recorded_usage({"input": 5, "cacheRead": "x"}) == Recorded(prompt_tokens=5)
