"""A plan as numbers."""

from __future__ import annotations

from dataclasses import replace

from autotune.replay.plan import History, ReplayPlan
from autotune.simulated.prompts import PlanShapes, plan_key, plan_shape

from .conftest import agent, plan_of


def test_prompts_grow_by_the_reply_and_what_came_after_it(two_agents: ReplayPlan) -> None:
    shape = plan_shape(two_agents)
    assert [p.tokens for p in shape.prompts] == [100, 100, 170, 170, 240, 240]
    assert [p.whole_tokens for p in shape.prompts][:3] == [120, 120, 190]
    assert shape.deepest_tokens == 260
    assert shape.prompts[4].last_message_start == 190


def test_in_closed_loop_the_reply_is_shared_too(two_agents: ReplayPlan) -> None:
    shape = plan_shape(two_agents)
    assert shape.shared(0, 2) == 120
    assert shape.shared(0, 1) == 0
    assert shape.shared(2, 4) == 190
    assert shape.shared(0, 4) == 120


def test_with_recorded_replies_only_the_prompt_is_shared() -> None:
    shape = plan_shape(plan_of(agent("a", 3), history=History.RECORDED))
    assert shape.shared(0, 1) == 100
    assert shape.shared(1, 2) == 170


def test_the_pinned_reply_takes_the_place_of_a_longer_one() -> None:
    turns = [replace(turn, output_tokens=8) for turn in agent("a", 2)]
    assert [p.tokens for p in plan_shape(plan_of(turns)).prompts] == [100, 158]


def test_a_session_may_begin_in_its_middle() -> None:
    shape = plan_shape(plan_of(agent("a", 4)[2:]))
    assert [p.tokens for p in shape.prompts] == [240, 310]
    assert shape.shared(0, 1) == 260


def test_sessions_that_begin_alike_share_that() -> None:
    first, other = agent("a", 1)[0], agent("b", 1)[0]
    alike = replace(other, messages=(*first.messages, *other.messages))
    shape = plan_shape(plan_of([first, alike]))
    assert shape.prompts[1].tokens == 200
    assert shape.shared(0, 1) == 100


def test_probe_turns_share_nothing_with_the_plan_behind_them() -> None:
    plan = plan_of([*agent("a", 2), *agent("b", 1)])
    first = agent("a", 1)[0]
    same = replace(plan.turns[2].turn, messages=first.messages)
    turns = (*plan.turns[:2], replace(plan.turns[2], turn=same))
    mixed = replace(plan, turns=turns)
    assert plan_shape(mixed).shared(0, 2) == 100
    probed = replace(mixed, probe_turns=2)
    assert plan_shape(probed).shared(0, 2) == 0
    assert plan_shape(probed).shared(0, 1) == 120
    assert plan_key(mixed) != plan_key(probed)


def test_a_plan_is_worked_out_once(two_agents: ReplayPlan) -> None:
    shapes = PlanShapes()
    assert shapes.of(two_agents) is shapes.of(replace(two_agents))
