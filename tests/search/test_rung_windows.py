"""Where a rung ahead of the plan looks; costs worked out by hand."""

from __future__ import annotations

import pytest

from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.search.rung_windows import (
    EVICTED,
    Likeness,
    TurnCosts,
    chosen_windows,
    is_switch,
    key_of,
)
from autotune.workload.model import Boundary, Recorded, Turn


def plan_of(
    order: str, *, edits: tuple[int, ...] = (), step: int = 100, reply: int = 10
) -> ReplayPlan:
    """Sessions of one letter in this order, 1000 tokens deep at first."""
    seen: dict[str, int] = {}
    planned = []
    for at, name in enumerate(order):
        index = seen.get(name, 0)
        seen[name] = index + 1
        turn = Turn(
            name, index, (),
            recorded=Recorded(prompt_tokens=1000 + step * index),
            boundary=Boundary.COMPACTION if at in edits else None,
        )  # fmt: skip
        planned.append(PlannedTurn(at, turn, reply))
    return ReplayPlan(tuple(planned), History.CLOSED_LOOP, 1, "digest")


def test_a_turn_costs_what_its_session_did_not_have_and_its_reply() -> None:
    costs = TurnCosts(plan_of("aaa"), None)
    assert costs.fresh == [1000.0, 100.0, 100.0]
    assert costs.beginning(2) == 1000 + 100 + 2 * 200
    # A window primes the whole prefix: 1100, then 100 more.
    assert costs.window(1, 3) == 1100 + 100 + 2 * 200


def test_depths_that_are_known_go_before_recorded_ones() -> None:
    costs = TurnCosts(plan_of("aa"), {("a", 0): 500, ("a", 1): 800})
    assert costs.fresh == [500.0, 300.0]


def test_behind_a_context_edit_everything_is_new() -> None:
    assert TurnCosts(plan_of("aaa", edits=(2,)), None).fresh == [1000.0, 100.0, 1200.0]


def test_a_session_has_lost_half_of_its_prefix_after_a_turn_of_another() -> None:
    costs = TurnCosts(plan_of("aba"), None)
    assert costs.fresh == [1000.0, 1000.0, pytest.approx(1100 - (1 - EVICTED) * 1000)]
    assert [is_switch(costs.plan.turns, at) for at in range(3)] == [False, True, True]


def test_likeness_is_of_depth_and_of_turns_right_after_another_session() -> None:
    costs = TurnCosts(plan_of("aaaabab"), None)
    assert Likeness.of(costs, [1, 2, 3]) == Likeness(1200.0, 0.0)
    assert Likeness.of(costs, [3, 5]) == Likeness(1350.0, 0.5)
    near = Likeness(1200.0, 0.1).off(Likeness(1000.0, 0.2))
    assert near == 0.0
    # 0.5 - 0.15 for the switches; 1250 is still near in depth.
    assert Likeness(1250.0, 0.0).off(Likeness(1000.0, 0.5)) == pytest.approx(0.35)


def test_the_cheapest_windows_of_two_sessions_are_taken() -> None:
    plan = plan_of("a" * 20 + "b" * 20, step=10, reply=100)
    windows = chosen_windows(plan.turns, TurnCosts(plan, None))
    # All depths are near the middle of 1095, so the sessions' beginnings are the cheapest.
    assert [(w.first, w.end, w.scored) for w in windows] == [
        (0, 5, (1, 2, 3, 4)),
        (20, 25, (21, 22, 23, 24)),
    ]
    assert not windows[0].meets(windows[1])


def test_a_second_session_is_heard_where_that_costs_half_more_and_not_where_it_costs_twice() -> (
    None
):
    # Two windows of five turns against one of nine: primed twice, against replies of 20 a token.
    talk = plan_of("a" * 20 + "b" * 20, step=1, reply=32)
    assert len(chosen_windows(talk.turns, TurnCosts(talk, None))) == 2
    mute = plan_of("a" * 20 + "b" * 20, step=1, reply=1)
    assert len(chosen_windows(mute.turns, TurnCosts(mute, None))) == 1


def test_a_window_in_which_sessions_alternate_speaks_for_a_plan_in_which_they_do() -> None:
    plan = plan_of("a" * 12 + "b" * 12 + "ab" * 12)
    scored = plan.turns[24:]
    costs = TurnCosts(plan, None)
    (window,) = chosen_windows(scored, costs)
    assert Likeness.of(costs, window.scored).switches == 1.0
    assert window.sessions == {"a", "b"}


def test_nothing_is_chosen_where_nothing_is_scored() -> None:
    plan = plan_of("a" * 20)
    assert chosen_windows((), TurnCosts(plan, None)) == ()
    assert key_of(plan.turns[3]) == ("a", 3)
