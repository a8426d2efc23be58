"""Filler turns: as deep as wanted, whatever a word costs, in the session's own manner."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.records import TurnRecord
from autotune.replay.outcome import Reply
from autotune.replay.plan import History, PlannedTurn
from autotune.replay.sent import SentTurn
from autotune.trial.soak_turns import Continuation, continued
from autotune.workload.model import Turn

SYSTEM = {"role": "system", "content": "1 2 3"}
USER = {"role": "user", "content": "go"}
TOOL = {"role": "tool", "tool_call_id": "old", "content": "ok"}


def sent(messages: tuple[Any, ...], order: int = 4, index: int = 4) -> SentTurn:
    turn = Turn(session_id="s", index=index, messages=messages)
    return SentTurn(PlannedTurn(order, turn, 32), messages, Reply(content="done"))


def record(depth: int | None, reply: int = 32) -> TurnRecord:
    return TurnRecord(
        arm="a", block=0, order=0, session_id="s", turn=0, started_at="", asked_output_tokens=32,
        depth_tokens=depth, output_tokens=reply,
    )  # fmt: skip


def go(target: int, cost: float, start: int = 1000, steps: int = 3) -> list[int]:
    """Depths of the turns that follow when a word costs `cost` tokens."""
    going = Continuation(
        sent=sent((SYSTEM, USER)), reached_tokens=start, reply_tokens=32,
        target_tokens=target, steps=steps,
    )  # fmt: skip
    depths, depth = [], start
    while (plan := going.next()) is not None:
        (planned,) = plan.turns
        words = len(str(planned.turn.messages[-1]["content"]).split())
        depth += 32 + 7 + round(words * cost)
        going.answered(
            sent(planned.turn.messages, planned.order, planned.turn.index), record(depth)
        )
        depths.append(depth)
    return depths


def test_the_headroom_is_filled_in_even_steps_that_end_where_it_does() -> None:
    depths = go(4000, 1.0)
    assert len(depths) == 4
    assert depths[0] == pytest.approx(1750, rel=0.05)
    assert depths[1] == pytest.approx(2500, rel=0.03)
    assert depths[-1] == pytest.approx(4000, rel=0.002)


@given(st.floats(0.5, 4.0), st.integers(2_000, 200_000), st.integers(1, 6))
def test_whatever_a_word_costs_it_ends_close_to_the_target(
    cost: float, target: int, steps: int
) -> None:
    depths = go(target, cost, steps=steps)
    slack = 0.002 * target + 32 + 12 + 8 * cost + 1
    assert abs(depths[-1] - target) <= slack
    assert len(depths) <= 12


def test_a_session_that_is_deep_enough_does_not_go_on() -> None:
    assert go(1000, 1.0) == []


def test_each_turn_is_a_plan_by_itself_with_its_messages_complete() -> None:
    going = Continuation(
        sent=sent((SYSTEM, USER)), reached_tokens=1000, reply_tokens=32, target_tokens=2000, steps=1
    )
    plan = going.next()
    assert plan is not None
    assert plan.history is History.RECORDED
    (planned,) = plan.turns
    assert (planned.order, planned.turn.index, planned.output_tokens) == (5, 5, 32)
    assert planned.turn.messages[:2] == (SYSTEM, USER)
    assert planned.turn.messages[2] == {"role": "assistant", "content": "done"}
    assert going.expected_tokens == pytest.approx(1250, abs=3)


def test_an_engine_that_does_not_count_is_taken_at_what_was_sent() -> None:
    going = Continuation(
        sent=sent((SYSTEM, USER)), reached_tokens=1000, reply_tokens=32, target_tokens=2000, steps=1
    )
    plan = going.next()
    assert plan is not None
    going.answered(sent(plan.turns[0].turn.messages), record(None))
    assert going.reached_tokens == pytest.approx(1250, abs=3)


def test_after_a_tool_result_another_one_follows() -> None:
    assert continued([SYSTEM, USER], Reply(content="x"), "text")[-1] == {
        "role": "user", "content": "text",
    }  # fmt: skip
    plain = continued([SYSTEM, USER, TOOL], Reply(content="x"), "text")[-1]
    assert plain == {"role": "tool", "tool_call_id": "old", "content": "text"}
    called = Reply(tool_calls=({"id": "new", "function": {"name": "f"}},))
    assert continued([SYSTEM, USER, TOOL], called, "text")[-1]["tool_call_id"] == "new"
