"""Sessions to be written, with everything that formats stumble over."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.model import Boundary, Message, Recorded, Session, Turn

TOOL = {"type": "function", "function": {"name": "read", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "read", "arguments": '{"b": 1,"a":2}'}}


def _turn(session: str, index: int, messages: tuple[Message, ...], **more: Any) -> Turn:
    told: dict[str, Any] = {
        "tools": (TOOL,),
        "params": {"temperature": 0.5, "max_tokens": 900},
        "output_tokens": 20 + index,
        "timestamp_ms": 1_700_000_000_000.25 + 1000 * index,
    }
    return Turn(session, index, messages, **{**told, **more})


@pytest.fixture
def sessions() -> list[Session]:
    """A parent of three turns, the second of which failed, and its sub-agent."""
    system = {"role": "system", "content": "Be brief. " * 40}
    task = {"role": "user", "content": "Fix the \u20ac test."}
    said = {
        "role": "assistant",
        "reasoning_content": "Look.",
        "content": "Yes.",
        "tool_calls": [CALL],
    }
    result = {"role": "tool", "tool_call_id": "c1", "content": "x = 1\n" * 90}
    first, rest = (system, task), (system, task, said, result)
    one = _turn(
        "agent a/b",
        0,
        first,
        response=said,
        recorded=Recorded(700, 0, 20, 4, 250.0, 900.0, "model-a"),
    )
    failed = _turn(
        "agent a/b", 1, rest, keep=2, delay_ms=99.5, origin={"error": "timed out at /home"}
    )
    again = _turn("agent a/b", 2, rest, keep=4, recorded=Recorded(prompt_tokens=1500))
    sub = _turn(
        "sub",
        0,
        (system, {"role": "user", "content": "Search."}),
        boundary=Boundary.SUBAGENT,
        timestamp_ms=1_700_000_000_500.25,
        recorded=Recorded(prompt_tokens=650),
    )
    return [Session("agent a/b", (one, failed, again)), Session("sub", (sub,), "agent a/b")]
