"""Why a prefix broke, told by kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from autotune.workload.breaks import Break, cause_of
from autotune.workload.model import Boundary, Message, Turn

READ = {"type": "function", "function": {"name": "read"}}
WRITE = {"type": "function", "function": {"name": "write"}}


def said(role: str, content: Any, **more: Any) -> Message:
    return {"role": role, "content": content, **more}


def turn(
    *messages: Message, tools: Sequence[dict[str, Any]] = (), boundary: Boundary | None = None
) -> Turn:
    return Turn("s", 0, messages, tools=tuple(tools), boundary=boundary)


SYSTEM = said("system", "Be brief. Today is 2026-11-01, Sunday.")
HEADED = "x-anthropic-billing-header: cc_version=2; cch=aaaa;\nYou help."
CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}
REPLY = said("assistant", "yes", reasoning_content="hm", tool_calls=[CALL])


def recalled(arguments: str) -> Message:
    function = {"name": "f", "arguments": arguments}
    return {**REPLY, "tool_calls": [{**CALL, "function": function}]}


@pytest.mark.parametrize(
    ("old", "new", "cause"),
    [
        (said("system", HEADED), said("system", HEADED.replace("aaaa", "b1")), "BILLING_HEADER"),
        (SYSTEM, said("system", "Be brief. Today is 2026-12-09, Wednesday."), "CLOCK"),
        (SYSTEM, said("system", "Be thorough."), "SYSTEM_CHANGED"),
        (REPLY, said("assistant", "yes", tool_calls=[CALL]), "REASONING_DROPPED"),
        (REPLY, recalled('{"a":1}'), "CALL_REWRITTEN"),
        (REPLY, {**REPLY, "content": "no"}, "REPLY_REWRITTEN"),
        (said("tool", "long"), said("tool", "[cleared]"), "RESULT_REWRITTEN"),
        (said("user", "a"), said("user", "b"), "MESSAGE_REWRITTEN"),
        (said("user", "a"), said("assistant", "a"), "MESSAGE_REWRITTEN"),
    ],
)
def test_the_first_message_that_differs_tells(old: Message, new: Message, cause: str) -> None:
    first = said("user", "start")
    assert cause_of(turn(first, old), turn(first, new, said("user", "go on"))) is Break[cause]


def test_what_renders_alike_is_no_break() -> None:
    old = turn(said("user", "a"))
    assert cause_of(old, turn(said("user", [{"type": "text", "text": "a"}]), REPLY)) is None
    assert cause_of(old, old) is None


def test_tools_in_another_order_and_other_tools() -> None:
    before = turn(said("user", "a"), tools=[READ, WRITE])
    assert cause_of(before, turn(said("user", "a"), tools=[WRITE, READ])) is Break.TOOLS_REORDERED
    assert cause_of(before, turn(said("user", "a"), tools=[READ])) is Break.TOOLS_CHANGED
    assert cause_of(before, turn(said("user", "a"), tools=[dict(READ), dict(WRITE)])) is None


def test_a_boundary_is_the_capture_s_own_word() -> None:
    before = turn(said("user", "a"), said("user", "b"))
    summary = said("user", "summary")
    cases = (
        (Boundary.COMPACTION, Break.COMPACTION),
        (Boundary.EDIT, Break.CONTEXT_EDIT),
        (None, Break.MESSAGE_REWRITTEN),
    )
    for boundary, cause in cases:
        assert cause_of(before, turn(summary, boundary=boundary)) is cause
    assert cause_of(before, turn(said("user", "a"))) is Break.HISTORY_SHORTENED
