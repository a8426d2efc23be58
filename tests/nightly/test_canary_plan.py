"""The turns of a canary: the last of the deepest sessions, the same every night."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.nightly.canary_plan import (
    LONGEST_REPLY,
    choose_windows,
    read_canary,
    write_windows,
)
from autotune.replay.plan import History, Order, ReplayPlan
from autotune.replay.planning import make_plan
from autotune.workload.load import workload_of
from autotune.workload.model import Boundary, Session, Turn

Key = tuple[str, int]


def session(name: str, turns: int, edited: int | None = None) -> Session:
    """A session of so many turns; the one at `edited` comes behind a context edit."""
    made, messages = [], [{"role": "user", "content": f"Task of {name}"}]
    for index in range(turns):
        made.append(
            Turn(
                session_id=name, index=index, messages=tuple(messages), keep=max(0, 2 * index - 1),
                output_tokens=100, timestamp_ms=1000.0 * index,
                boundary=Boundary.EDIT if index == edited else None,
            )
        )  # fmt: skip
        messages += [{"role": "assistant", "content": f"reply {index} of {name}"}]
        messages += [{"role": "user", "content": f"more {index} of {name}"}]
    return Session(name, tuple(made))


def planned(*sessions: Session) -> ReplayPlan:
    return make_plan(
        workload_of(sessions), history=History.CLOSED_LOOP, order=Order.INTERLEAVED,
        concurrency=1, max_output_tokens=None, default_output_tokens=8,
    )  # fmt: skip


def windows(
    sizes: dict[str, int], turns: int, at_depth: set[Key] | None = None, **edits: int
) -> dict[str, list[int]]:
    """Which turns are replayed, by session; the first session is the deepest."""
    sessions = [session(name, size, edits.get(name)) for name, size in sizes.items()]
    plan = planned(*sessions)
    deep = {name: 1000 * (len(sizes) - rank) for rank, name in enumerate(sizes)}
    keys = {(p.turn.session_id, p.turn.index) for p in plan.turns}
    depths = {key: deep[key[0]] + key[1] for key in keys}
    chosen = choose_windows(plan, keys if at_depth is None else at_depth, depths, turns)
    return {one.session_id: [turn.index for turn in one.turns] for one in chosen}


def test_half_of_the_turns_of_each_of_the_two_deepest_and_one_to_prime() -> None:
    assert windows({"a": 10, "b": 10, "c": 10}, 4) == {"a": [7, 8, 9], "b": [7, 8, 9]}


def test_one_session_alone_gives_all() -> None:
    assert windows({"a": 10}, 4) == {"a": [5, 6, 7, 8, 9]}


def test_short_sessions_make_up_for_each_other() -> None:
    assert windows({"a": 2, "b": 2, "c": 3, "d": 2}, 4) == {
        "a": [0, 1], "b": [0, 1], "c": [0, 1, 2],
    }  # fmt: skip


def test_it_ends_with_the_last_turn_at_depth() -> None:
    at_depth = {("a", 4), ("a", 5), ("b", 3)}
    assert windows({"a": 10, "b": 10, "c": 10}, 4, at_depth) == {"a": [3, 4, 5], "b": [1, 2, 3]}


def test_it_does_not_reach_over_a_context_edit() -> None:
    assert windows({"a": 10, "b": 10}, 4, a=8, b=7) == {"a": [8, 9], "b": [7, 8, 9]}


def test_where_others_have_too_few_one_gives_more_than_half() -> None:
    assert windows({"a": 2, "b": 10}, 6) == {"a": [0, 1], "b": [4, 5, 6, 7, 8, 9]}


def test_no_turn_at_depth_is_no_window() -> None:
    assert windows({"a": 3}, 4, at_depth=set()) == {}


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """The windows of two sessions, of four scored turns together, as they lie on disk."""
    plan = planned(session("a", 10), session("b", 10))
    keys = {(p.turn.session_id, p.turn.index) for p in plan.turns}
    chosen = choose_windows(plan, keys, {key: key[1] for key in keys}, 4)
    path = tmp_path / "generation" / "canary.jsonl.gz"
    write_windows(chosen, path)
    write_windows(chosen, path)
    return path


def test_it_is_the_same_every_night(kept: Path) -> None:
    first, second = (read_canary(kept, History.CLOSED_LOOP) for _ in range(2))
    assert first.plan.digest == second.plan.digest
    assert first.scored == second.scored
    assert len(first.scored) == 4
    assert len(first.plan.turns) == 6


def test_the_first_turn_of_a_session_brings_all_before_it(kept: Path) -> None:
    asked = read_canary(kept, History.CLOSED_LOOP)
    order = [p.turn.session_id for p in asked.plan.turns]
    assert order == ["a"] * 3 + ["b"] * 3
    first = asked.plan.turns[0]
    assert (first.turn.session_id, first.turn.index) not in asked.scored
    assert len(first.turn.messages) == 15
    assert {p.output_tokens for p in asked.plan.turns} == {LONGEST_REPLY}


def test_a_session_of_one_turn_is_scored(tmp_path: Path) -> None:
    path = tmp_path / "canary.jsonl.gz"
    write_windows([session("a", 1)], path)
    asked = read_canary(path, History.RECORDED)
    assert asked.plan.history is History.RECORDED
    assert len(asked.scored) == 1
