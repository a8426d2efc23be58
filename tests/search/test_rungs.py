"""What the rungs of a plan hold; plans and costs worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.search.rung_windows import SHORT_REPLY
from autotune.search.rungs import DEEP, SESSIONS, WHOLE, rung_session, rungs_of
from autotune.workload.model import Boundary, Turn


def plan_of(order: str, reply: int = 100) -> ReplayPlan:
    """A plan of one-letter sessions in this order: ``aabab`` is a0 a1 b0 a2 b1."""
    seen: dict[str, int] = {}
    planned = []
    for at, name in enumerate(order):
        index = seen.get(name, 0)
        seen[name] = index + 1
        planned.append(PlannedTurn(at, Turn(name, index, (), keep=index), reply))
    return ReplayPlan(tuple(planned), History.CLOSED_LOOP, 1, "digest")


def depths_of(plan: ReplayPlan, first: int = 1000, step: int = 100) -> dict[tuple[str, int], int]:
    """Each session begins at `first` tokens and grows by `step` a turn."""
    return {(p.turn.session_id, p.turn.index): first + step * p.turn.index for p in plan.turns}


def names(plan: ReplayPlan) -> list[str]:
    return [f"{p.turn.session_id}{p.turn.index}" for p in plan.turns]


def test_the_deep_rung_begins_two_sessions_in_their_middle() -> None:
    plan = plan_of("a" * 12 + "b" * 12)
    at_depth = {(s, t) for s in "ab" for t in range(6, 12)}
    deep, *_ = rungs_of(plan, at_depth, depths_of(plan))
    assert deep.name == DEEP
    assert deep.ahead
    # Depth in the middle is that of turn 8.5; the cheapest window near it primes at turn 5.
    assert names(deep.plan) == [f"{s}~deep{t}" for s in "ab" for t in range(5, 10)]
    assert deep.scored == {(f"{s}~deep", t) for s in "ab" for t in range(6, 10)}
    # A window: 1500 tokens primed, four times 100 more, five replies of 32 at 20 tokens each.
    # The plan: twice 1000 + 11 * 100 + 12 replies of 100.
    assert deep.share == pytest.approx((1500 + 400 + 5 * 640) / (1000 + 1100 + 12 * 2000))


def test_its_replies_are_short_and_stand_for_the_whole_ones() -> None:
    plan = plan_of("a" * 12 + "b" * 12, reply=500)
    deep, *_ = rungs_of(plan, None, depths_of(plan))
    assert {p.output_tokens for p in deep.plan.turns} == {SHORT_REPLY}
    assert set(deep.reply_tokens.values()) == {500}
    brief, *_ = rungs_of(plan_of("a" * 12 + "b" * 12, reply=4), None, depths_of(plan))
    assert {p.output_tokens for p in brief.plan.turns} == {4}


def test_sessions_that_the_plan_interleaves_evict_each_other_in_the_rung_too() -> None:
    plan = plan_of("ab" * 12)
    deep, *_ = rungs_of(plan, {("a", t) for t in range(12)}, depths_of(plan))
    sessions = [p.turn.session_id for p in deep.plan.turns]
    assert sessions == (["a~deep", "b~deep"] * 9)[:17]
    assert len(deep.scored) == 8
    assert {name for name, _ in deep.scored} == {"a~deep"}


def test_one_session_alone_gives_one_long_window() -> None:
    plan = plan_of("a" * 20)
    deep, *_ = rungs_of(plan, None, depths_of(plan))
    assert deep.plan.session_ids == ("a~deep",)
    assert len(deep.plan.turns) == 9
    assert len(deep.scored) == 8


def test_each_turn_keeps_its_place_and_no_rung_turn_has_the_plans_name() -> None:
    plan = plan_of("aabbab" * 5)
    deep, *_ = rungs_of(plan, None, depths_of(plan))
    assert [p.order for p in deep.plan.turns] == list(range(len(deep.plan.turns)))
    assert len({(p.turn.session_id, p.turn.index) for p in deep.plan.turns}) == len(deep.plan.turns)
    assert not set(deep.plan.session_ids) & set(plan.session_ids)
    assert rung_session("a") == "a~deep"


def test_a_first_turn_has_none_before_it() -> None:
    plan = plan_of("a" * 20)
    deep, *_ = rungs_of(plan, None, depths_of(plan))
    assert deep.plan.turns[0].turn.keep == 0
    assert all(p.turn.keep > 0 for p in deep.plan.turns[1:])


def test_a_mark_stands_before_every_prompt_and_the_rest_is_the_plans() -> None:
    system = {"role": "system", "content": "be good"}
    said = tuple({"role": "user", "content": f"{at}"} for at in range(30))
    turns = tuple(
        PlannedTurn(t, Turn("a", t, (system, *said[: t + 1]), keep=t), 10) for t in range(12)
    )
    deep, *_ = rungs_of(ReplayPlan(turns, History.CLOSED_LOOP, 1, "d"))
    first = deep.plan.turns[0].turn.messages
    assert first[0] == {"role": "system", "content": "deep\n\nbe good"}
    for planned in deep.plan.turns:
        assert planned.turn.messages[0] is first[0]
        assert planned.turn.messages[1:] == said[: planned.turn.index + 1]


def test_without_a_system_prompt_the_mark_is_one() -> None:
    said = tuple({"role": "user", "content": f"{at}"} for at in range(30))
    turns = tuple(PlannedTurn(t, Turn("a", t, said[: t + 1], keep=t), 10) for t in range(12))
    deep, *_ = rungs_of(ReplayPlan(turns, History.CLOSED_LOOP, 1, "d"))
    planned = deep.plan.turns[3]
    assert planned.turn.messages[0] == {"role": "system", "content": "deep"}
    # As many messages are the turn before's as there were, and the mark.
    assert planned.turn.keep == planned.turn.index + 1


def test_turns_behind_a_context_edit_are_replayed_and_not_scored() -> None:
    plan = plan_of("a" * 12)
    turns = list(plan.turns)
    turns[5] = replace(turns[5], turn=replace(turns[5].turn, boundary=Boundary.COMPACTION))
    deep, *_ = rungs_of(replace(plan, turns=tuple(turns)), None, depths_of(plan))
    assert ("a~deep", 5) not in deep.scored
    assert "a~deep5" in names(deep.plan)


def test_the_rung_of_sessions_is_how_the_plan_begins_until_two_are_heard() -> None:
    plan = plan_of("a" * 12 + "b" * 12 + "c" * 6)
    _, sessions, whole = rungs_of(plan, None, depths_of(plan))
    assert (sessions.name, sessions.ahead) == (SESSIONS, False)
    # A third of 30 is 10, all of them a's; the first of b makes it two.
    assert names(sessions.plan) == [f"a{t}" for t in range(12)] + ["b0"]
    assert sessions.plan.turns[0].output_tokens == 100
    assert (whole.name, whole.plan, whole.share) == (WHOLE, plan, 1.0)
    assert len(whole.scored) == 30


def test_a_plan_too_small_for_a_rung_has_only_itself() -> None:
    plan = plan_of("aabb")
    assert [rung.name for rung in rungs_of(plan, None, depths_of(plan))] == [WHOLE]
    assert [rung.name for rung in rungs_of(plan, set(), depths_of(plan))] == [WHOLE]


def test_without_depths_a_turn_is_as_deep_as_its_text() -> None:
    long = tuple({"role": "user", "content": "x" * 4000} for _ in range(12))
    turns = tuple(PlannedTurn(t, Turn("a", t, long[: t + 1]), 10) for t in range(12))
    deep, *_ = rungs_of(ReplayPlan(turns, History.RECORDED, 1, "d"))
    assert len(deep.scored) == 8
    assert deep.plan.history is History.RECORDED
