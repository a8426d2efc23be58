"""Evidence for a rollout, and what its first line says."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.model import Recorded
from autotune.workload.readers.codex import CodexReader
from autotune.workload.readers.codex_lines import dynamic_tools, last_usage, thread_meta

PART = {"type": "input_text", "text": "x"}


@pytest.mark.parametrize(
    ("line", "claimed"),
    [
        ({"timestamp": "t", "type": "session_meta", "payload": {}}, True),
        ({"timestamp": "t", "type": "event_msg", "payload": {}, "ordinal": 3}, True),
        ({"timestamp": "t", "type": "session_meta", "payload": "text"}, False),
        ({"timestamp": "t", "type": "else", "payload": {}}, False),
        ({"timestamp": "t", "type": ["event_msg"], "payload": {}}, False),
        ({"id": "a", "timestamp": "2025-06-03T08:00:00Z", "instructions": None}, True),
        ({"id": "a", "timestamp": "2025-06-03T08:00:00Z", "body": {}}, False),
        ({"id": "a", "timestamp": "soon"}, False),
        ({"record_type": "state"}, True),
        ({"type": "message", "role": "user", "content": [PART]}, True),
        ({"type": "message", "role": "user", "content": "hello"}, False),
        ({"type": "message", "message": {"role": "user", "content": [PART]}}, False),
        ({"type": "function_call", "name": "f", "arguments": "{}", "call_id": "c"}, True),
        ({"type": "function_call", "name": "f"}, False),
        ({"type": {}, "timestamp": "t"}, False),
        ({"session_id": "s", "seq": 1, "type": "llm.request", "ts": "", "data": {}}, False),
        ({"type": "session", "id": "a", "timestamp": "2025-06-03T08:00:00Z"}, False),
    ],
)
def test_claims(line: dict[str, Any], claimed: bool) -> None:
    assert CodexReader().claims(line) is claimed


def test_usage_without_input_is_no_request() -> None:
    assert last_usage({"last_token_usage": {"input_tokens": 0, "total_tokens": 9}}) is None
    assert last_usage({"last_token_usage": {"input_tokens": 5}}) == Recorded(prompt_tokens=5)
    assert last_usage({}) is None


def test_tools_flat_and_nested_beyond_reason() -> None:
    flat = {"namespace": "app", "name": "go", "description": "d", "inputSchema": {"type": "object"}}
    (tool,) = dynamic_tools([flat, {**flat, "deferLoading": True}, 3])
    assert tool["function"] == {
        "name": "app__go",
        "description": "d",
        "parameters": {"type": "object"},
    }
    deep: Any = {}
    for _ in range(200):
        deep = {"a": deep}
    assert dynamic_tools([{**flat, "inputSchema": deep}]) == ()
    assert dynamic_tools("all") == ()


def test_a_root_that_is_not_the_thread_is_the_parent_of_a_sub_agent() -> None:
    meta = thread_meta({"id": "b", "session_id": "a", "source": {"subagent": "review"}})
    assert meta.parent == "a"
    assert thread_meta({"id": 4, "source": [], "base_instructions": "x"}).session_id is None
