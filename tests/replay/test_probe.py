"""Which rendering a template takes, found by asking for counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.replay.endpoint import Rendering
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.replay.probe import probe_rendering
from autotune.replay.prompts import longest_prompts
from autotune.workload.model import Session, Turn, Workload

Make = Callable[..., Session]
TOOL = {"type": "function", "function": {"name": "read"}}
Messages = tuple[Mapping[str, Any], ...]


def plan(session: Session, history: History = History.RECORDED) -> ReplayPlan:
    return make_plan(
        Workload((session,), "d"),
        history=history,
        order=Order.SEQUENTIAL,
        concurrency=1,
        max_output_tokens=None,
        default_output_tokens=8,
    )


def everything(messages: Messages, tools: Messages) -> int:
    """A template that renders all it is given."""
    return len(str(messages)) + len(str(tools))


def roles_and_content(messages: Messages, tools: Messages) -> int:
    """A template that knows nothing of tools."""
    return sum(len(str(m["content"] or "")) + 1 for m in messages)


def no_tool_role(messages: Messages, tools: Messages) -> int:
    if any(m["role"] == "tool" for m in messages):
        raise AutotuneError("bad-reply: unknown role tool")
    return everything(messages, tools)


def strictly_alternating(messages: Messages, tools: Messages) -> int:
    roles = [m["role"] for m in messages]
    if roles != ["user", "assistant"] * (len(roles) // 2) + ["user"] * (len(roles) % 2):
        raise AutotuneError("roles must alternate")
    return everything(messages, tools)


def test_a_template_that_takes_everything_is_native(make_session: Make) -> None:
    made = plan(make_session("a", 3, tools=(TOOL,)))
    assert probe_rendering(everything, made) == (Rendering.NATIVE, ())


def test_a_refused_tool_role_means_plain(make_session: Make) -> None:
    rendering, notes = probe_rendering(no_tool_role, plan(make_session("a", 3)))
    assert rendering is Rendering.PLAIN
    assert notes == (
        "the chat template refuses the captured messages (session a, turn 2: bad-reply: unknown "
        "role tool): prompts are rendered plain (2 x tool-call, 2 x tool-result)",
    )


def test_tools_that_vanish_mean_plain(make_session: Make) -> None:
    made = plan(make_session("a", 3, tools=(TOOL,)))
    rendering, notes = probe_rendering(roles_and_content, made)
    assert rendering is Rendering.PLAIN
    assert "leaves out tool definitions and tool calls" in notes[0]


def test_a_template_that_insists_on_turns_gets_them(make_session: Make) -> None:
    rendering, _ = probe_rendering(strictly_alternating, plan(make_session("a", 3)))
    assert rendering is Rendering.ALTERNATING


def test_a_template_that_takes_nothing_is_the_users_to_change(make_session: Make) -> None:
    def refuse(messages: Messages, tools: Messages) -> int:
        raise AutotuneError("no")

    with pytest.raises(UserError, match="in no rendering: session a, turn 0: no") as caught:
        probe_rendering(refuse, plan(make_session("a", 1)))
    assert "chat template" in caught.value.hint


def test_a_dead_engine_is_not_a_refusal(make_session: Make) -> None:
    def dead(messages: Messages, tools: Messages) -> int:
        raise MachineError("gone")

    with pytest.raises(MachineError, match="gone"):
        probe_rendering(dead, plan(make_session("a", 1)))


def test_an_engine_that_cannot_count_is_believed_with_a_note(make_session: Make) -> None:
    rendering, notes = probe_rendering(lambda m, t: None, plan(make_session("a", 1)))
    assert rendering is Rendering.NATIVE
    assert "was not checked" in notes[0]


def test_the_longest_prompts_include_the_one_before_an_edit(make_session: Make) -> None:
    session = make_session("a", 3)
    compacted = Turn("a", 3, (*session.turns[2].messages[:2], {"role": "user", "content": "sum"}))
    found = longest_prompts(plan(Session("a", (*session.turns, compacted)), History.CLOSED_LOOP))
    assert [prompt.turn for prompt in found] == [2, 3]
    assert "tool_calls" not in found[0].messages[2]  # closed loop: the recorded calls are gone
    assert str(found[0].messages[0]["content"]).startswith("0 0 ")
