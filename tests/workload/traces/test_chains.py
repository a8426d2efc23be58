"""Sessions in a trace that names none."""

from __future__ import annotations

from array import array

from autotune.workload.traces.chains import Chains, Place
from autotune.workload.traces.layouts import system_blocks
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.tree import PrefixTree

SIZE = 16


def places(*rows: tuple[list[int], int]) -> list[Place]:
    """Rows as (ids, tokens behind their last whole block)."""
    made = [
        TraceRow(line, len(ids) * SIZE + tail, 1, array("q", ids))
        for line, (ids, tail) in enumerate(rows, start=1)
    ]
    chains, tree = Chains(made, system_blocks(made, SIZE)), PrefixTree()
    return [chains.place(i, tree.insert(made[i].full, i)) for i in range(len(made))]


def test_each_row_follows_the_longest_that_it_has_all_of() -> None:
    found = places(([1, 2], 3), ([1, 2, 3], 0), ([1, 2, 3, 4, 5], 0))
    assert found == [Place(0, None, False), Place(0, 0, False), Place(0, 1, False)]


def test_one_system_prompt_is_no_conversation() -> None:
    found = places(([1], 12), ([1, 2], 0), ([1, 3], 0), ([1, 4, 5], 0))
    assert [place.session for place in found] == [0, 1, 2, 3]
    assert not any(place.forked for place in found)


def test_a_row_followed_twice_forks() -> None:
    found = places(([9], 15), ([1, 2], 0), ([1, 2, 3], 0), ([1, 2, 4], 0), ([1, 2, 4, 5], 0))
    assert [place.session for place in found] == [0, 1, 1, 2, 2] or [
        place.session for place in found
    ] == [0, 1, 2, 3, 3]


def test_the_same_prompt_again_is_no_next_turn() -> None:
    found = places(([1, 2], 3), ([1, 2], 3))
    assert [place.session for place in found] == [0, 1]


def test_a_turn_that_fills_no_block_of_its_own_is_followed_too() -> None:
    found = places(([1, 2], 3), ([1, 2], 9), ([1, 2, 3], 0))
    assert [place.before for place in found] == [None, 0, 1]


def test_rows_without_ids_stand_alone() -> None:
    found = places(([], 12), ([], 13))
    assert [place.session for place in found] == [0, 1]
