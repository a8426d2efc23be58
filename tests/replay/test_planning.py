"""Order, lengths and the digest of a plan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import ahead_of, make_plan, replan, subset
from autotune.workload.model import Recorded, Session, Turn, Workload

Make = Callable[..., Session]


def plan(*sessions: Session, **options: Any) -> ReplayPlan:
    defaults: dict[str, Any] = {
        "history": History.CLOSED_LOOP,
        "order": Order.INTERLEAVED,
        "concurrency": 1,
        "max_output_tokens": None,
        "default_output_tokens": 32,
    }
    return make_plan(Workload(sessions, "d"), **{**defaults, **options})


def order_of(made: ReplayPlan) -> list[str]:
    return [f"{p.turn.session_id}{p.turn.index}" for p in made.turns]


def at_times(session: Session, *times_ms: float | None) -> Session:
    turns = tuple(
        replace(turn, timestamp_ms=at) for turn, at in zip(session.turns, times_ms, strict=True)
    )
    return Session(session.session_id, turns)


def test_sessions_are_interleaved_as_their_times_were(make_session: Make) -> None:
    a = at_times(make_session("a", 3), 0, 100, 200)
    b = at_times(make_session("b", 2), 50, 60)
    made = plan(a, b)
    assert order_of(made) == ["a0", "b0", "b1", "a1", "a2"]
    assert [p.order for p in made.turns] == [0, 1, 2, 3, 4]
    assert order_of(plan(b, a, order=Order.SEQUENTIAL)) == ["b0", "b1", "a0", "a1", "a2"]


def test_a_missing_or_backward_time_stays_with_the_turn_before(make_session: Make) -> None:
    a = at_times(make_session("a", 3), 100, None, 20)
    b = at_times(make_session("b", 1), 150)
    assert order_of(plan(b, a)) == ["a0", "a1", "a2", "b0"]


def test_without_times_sessions_take_turns(make_session: Make) -> None:
    a, b = make_session("a", 3), at_times(make_session("b", 1), 5)
    assert order_of(plan(a, b)) == ["a0", "b0", "a1", "a2"]


@settings(max_examples=30, deadline=None)
@given(
    lengths=st.lists(st.integers(0, 5), min_size=1, max_size=4).filter(any),
    order=st.sampled_from(list(Order)),
    data=st.data(),
)
def test_every_turn_is_there_once_and_sessions_keep_their_order(
    lengths: list[int], order: Order, data: st.DataObject
) -> None:
    times = st.one_of(st.none(), st.floats(0, 100))
    sessions = [
        Session(
            str(name),
            tuple(
                Turn(str(name), at, ({"role": "user", "content": "x"},), timestamp_ms=given_ms)
                for at, given_ms in enumerate(data.draw(st.lists(times, min_size=n, max_size=n)))
            ),
        )
        for name, n in enumerate(lengths)
    ]
    made = plan(*sessions, order=order)
    for session in sessions:
        kept = [p.turn for p in made.turns if p.turn.session_id == session.session_id]
        assert kept == list(session.turns)
    assert len(made.turns) == sum(lengths)


def test_lengths_are_recorded_capped_and_at_least_one(make_session: Make) -> None:
    recorded = make_session("a", 1, output_tokens=500)
    assert plan(recorded).turns[0].output_tokens == 500
    assert plan(recorded, max_output_tokens=24).turns[0].output_tokens == 24
    assert plan(make_session("a", 1, output_tokens=0)).turns[0].output_tokens == 1
    assert plan(make_session("a", 1)).turns[0].output_tokens == 32
    counted = make_session("a", 1, recorded=Recorded(completion_tokens=7))
    assert plan(counted).turns[0].output_tokens == 7


def test_the_digest_names_everything_that_is_sent(make_session: Make) -> None:
    a, b = make_session("a", 2), make_session("b", 2)
    base = plan(a, b).digest
    assert plan(a, b).digest == base
    reordered = {**a.turns[0].messages[0]}
    reordered = dict(reversed(reordered.items()))
    other_keys = replace(a.turns[0], messages=(reordered, a.turns[0].messages[1]))
    others = [
        plan(a, b, order=Order.SEQUENTIAL),
        plan(a, b, history=History.RECORDED),
        plan(a, b, concurrency=2),
        plan(a, b, max_output_tokens=5),
        plan(a),
        plan(Session("a", (other_keys, a.turns[1])), b),
        plan(make_session("a", 2, tools=({"type": "function"},)), b),
    ]
    assert len({base, *(other.digest for other in others)}) == 1 + len(others)


def test_a_subset_is_a_plan_of_its_own(make_session: Make) -> None:
    whole = plan(make_session("a", 2), make_session("b", 1))
    part = subset(whole, ["a"])
    assert order_of(part) == ["a0", "a1"]
    assert [p.order for p in part.turns] == [0, 1]
    assert part.digest == plan(make_session("a", 2)).digest
    assert subset(whole, whole.session_ids) == whole
    with pytest.raises(UserError, match="session nobody"):
        subset(whole, ["nobody"])


def test_bad_numbers_and_empty_workloads_are_refused(make_session: Make) -> None:
    with pytest.raises(UserError, match="no turns"):
        plan(Session("a", ()))
    for option in ("concurrency", "max_output_tokens", "default_output_tokens"):
        with pytest.raises(UserError, match="is 0"):
            plan(make_session("a", 1), **{option: 0})


def test_a_probe_goes_ahead_of_a_plan_as_sessions_of_its_own(make_session: Make) -> None:
    probe, whole = plan(make_session("p", 2)), plan(make_session("a", 3))
    both = ahead_of(probe, whole)
    assert order_of(both) == ["p0", "p1", "a0", "a1", "a2"]
    assert [p.order for p in both.turns] == [0, 1, 2, 3, 4]
    assert (both.probe_turns, whole.probe_turns) == (2, 0)
    assert len({probe.digest, whole.digest, both.digest}) == 3
    with pytest.raises(ValueError, match="session a"):
        ahead_of(whole, whole)


def test_turns_laid_out_anew_are_numbered_anew(make_session: Make) -> None:
    whole = plan(make_session("a", 3), concurrency=2)
    last = replan(whole.turns[2:], whole)
    assert [(p.order, p.turn.index) for p in last.turns] == [(0, 2)]
    assert (last.history, last.concurrency) == (whole.history, 2)
