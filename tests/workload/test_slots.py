"""What N slots could have held, worked out by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.slots import Step, reuse_ceiling


def grow(session: int, at: float, keep: int, *links: int, reply: float = 0.0) -> Step:
    """A prompt of 10 tokens a link."""
    tokens = [10.0 * (keep + n + 1) for n in range(len(links))]
    return Step(session, at, keep, links, tokens, reply)


ALONE = [grow(0, 1, 0, 1, 2), grow(0, 2, 2, 3), grow(0, 3, 3, 4)]


def test_one_session_reuses_all_but_what_is_new() -> None:
    # Prompts of 20, 30 and 40 tokens; 0, 20 and 30 of them were there.
    assert reuse_ceiling(ALONE, 1) == (50.0, 90.0)
    assert reuse_ceiling(reversed(ALONE), 4) == (50.0, 90.0)


def test_the_reply_is_in_the_slot_too() -> None:
    steps = [grow(0, 1, 0, 1, 2, reply=5.0), grow(0, 2, 2, 3)]
    assert reuse_ceiling(steps, 1) == (25.0, 50.0)


def two_agents() -> list[Step]:
    """Two sessions that share nothing, turn about."""
    return [
        grow(0, 1, 0, 1, 2), grow(1, 2, 0, 7, 8), grow(0, 3, 2, 3), grow(1, 4, 2, 9),
    ]  # fmt: skip


@pytest.mark.parametrize(("slots", "reused"), [(1, 0.0), (2, 40.0), (8, 40.0)])
def test_two_agents_evict_each_other_from_one_slot(slots: int, reused: float) -> None:
    assert reuse_ceiling(two_agents(), slots) == (reused, 100.0)


def test_agents_that_share_a_system_prompt_reuse_it_across_sessions() -> None:
    steps = [grow(0, 1, 0, 1, 2), grow(1, 2, 0, 1, 8)]
    assert reuse_ceiling(steps, 1) == (10.0, 40.0)


def test_a_context_edit_reuses_what_stands_before_it() -> None:
    steps = [grow(0, 1, 0, 1, 2, 3, reply=7.0), grow(0, 2, 1, 9)]
    assert reuse_ceiling(steps, 2) == (10.0, 50.0)


def test_the_slot_used_longest_ago_goes_first() -> None:
    steps = [
        grow(0, 1, 0, 1), grow(1, 2, 0, 5), grow(0, 3, 1, 2), grow(2, 4, 0, 8), grow(0, 5, 2, 3),
        grow(1, 6, 1, 6),
    ]  # fmt: skip
    # Session 2 takes the slot of session 1, which then starts cold: only session 0 reuses.
    assert reuse_ceiling(steps, 2)[0] == 10.0 + 20.0


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), max_size=20))
def test_no_more_than_there_is_and_one_session_a_slot_is_enough(
    moves: list[tuple[int, int]],
) -> None:
    sizes: dict[int, int] = {}
    steps = []
    for at, (session, keep) in enumerate(moves):
        keep = min(keep, sizes.get(session, 0))
        steps.append(grow(session, at, keep, 1000 * session + at, 1000 * session + at + 500))
        sizes[session] = keep + 2
    reused, total = reuse_ceiling(steps, 8)
    assert 0 <= reused <= total
    assert total == sum(step.tokens[-1] for step in steps)


def test_nothing_is_nothing() -> None:
    assert reuse_ceiling([], 2) == (0.0, 0.0)
