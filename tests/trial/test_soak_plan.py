"""What a config is filled with: how deep, which sessions, in which order."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import cycle, islice

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.replay.plan import History, PlannedTurn
from autotune.trial.soak_plan import SHORT_REPLY_TOKENS, SoakPlan, plan_soak
from autotune.workload.model import Turn

DEPTHS = {"a": [100, 200, 300], "b": [500, 900, 700, 1000, 400], "c": [50]}


def turns_of(depths: Mapping[str, list[int]]) -> tuple[list[PlannedTurn], dict]:  # type: ignore[type-arg]
    """Sessions in rotation, with replies of 100 tokens."""
    rows, known = [], {}
    for index in range(max(map(len, depths.values()))):
        for name, own in depths.items():
            if index < len(own):
                message = {"role": "user", "content": name}
                turn = Turn(session_id=name, index=index, messages=(message,))
                rows.append(PlannedTurn(len(rows), turn, 100))
                known[name, index] = own[index]
    return rows, known


def planned(
    depths: Mapping[str, list[int]] = DEPTHS,
    concurrency: int = 1,
    headroom: float = 0.1,
    context: int | None = None,
) -> SoakPlan:
    rows, known = turns_of(depths)
    return plan_soak(
        rows,
        known,
        history=History.CLOSED_LOOP,
        concurrency=concurrency,
        headroom=headroom,
        context_tokens=context,
    )


def test_the_deepest_session_is_filled_up_to_its_deepest_turn() -> None:
    plan = planned()
    assert [(p.order, p.turn.session_id, p.turn.index) for p in plan.fill.turns] == [
        (0, "b", 0), (1, "b", 1), (2, "b", 2), (3, "b", 3),
    ]  # fmt: skip
    assert {p.output_tokens for p in plan.fill.turns} == {SHORT_REPLY_TOKENS}
    assert (plan.deepest_tokens, plan.wanted_tokens, plan.target_tokens) == (1000, 1100, 1100)
    # It grows by 400 and 300 a turn where it grows: a tenth of 1000 is less than one such turn.
    assert plan.steps == 1
    assert planned(headroom=1.0).steps == 3


def test_whole_sessions_follow_from_the_deepest_to_the_shallowest_and_around() -> None:
    rounds = planned().rounds
    assert [r.session_ids for r in rounds] == [("a",), ("c",), ("b",)]
    assert [len(r.turns) for r in rounds] == [3, 1, 5]
    assert planned({"a": [10, 20]}).rounds[2].session_ids == ("a",)


def test_as_many_sessions_at_once_as_the_study_replays_at_once() -> None:
    rounds = planned(concurrency=2).rounds
    assert [set(r.session_ids) for r in rounds] == [{"a", "c"}, {"b", "a"}, {"c", "b"}]
    assert all(r.concurrency == 2 for r in rounds)
    # Laid against each other as in the study.
    assert [p.turn.session_id for p in rounds[1].turns] == ["a", "b", "a", "b", "a", "b", "b", "b"]
    assert planned({"a": [10]}, concurrency=8).rounds[0].concurrency == 1


def test_a_context_that_is_known_bounds_it() -> None:
    assert planned(context=1050).target_tokens == 1050 - SHORT_REPLY_TOKENS - 64
    assert planned(context=4096).target_tokens == 1100


def test_nothing_to_replay_is_a_mistake() -> None:
    with pytest.raises(ValueError, match="no turns"):
        plan_soak([], {}, history=History.RECORDED, concurrency=1, headroom=0, context_tokens=None)


@given(
    st.dictionaries(
        st.sampled_from("abcd"), st.lists(st.integers(1, 10_000), min_size=1, max_size=6),
        min_size=1,
    ),
    st.integers(1, 5),
    st.floats(0, 2),
)  # fmt: skip
def test_rounds_go_around_all_sessions(
    depths: dict[str, list[int]], concurrency: int, headroom: float
) -> None:
    plan = planned(depths, concurrency, headroom)
    at_once = min(concurrency, len(depths))
    ranked = sorted(depths, key=lambda name: -max(depths[name]))
    order = list(islice(cycle(ranked), 1 % len(ranked), 1 % len(ranked) + 3 * at_once))
    asked = [set(order[at * at_once : (at + 1) * at_once]) for at in range(3)]
    assert [set(r.session_ids) for r in plan.rounds] == asked
    assert 1 <= plan.steps <= 6
    assert plan.deepest_tokens == max(max(own) for own in depths.values())
    assert plan.wanted_tokens >= plan.deepest_tokens
