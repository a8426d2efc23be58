"""The prefix tree against comparing every pair."""

from __future__ import annotations

from array import array

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.traces.tree import PrefixTree, Stretch, common_ids


def test_stretches_name_who_laid_what_first() -> None:
    tree = PrefixTree()
    assert tree.insert(array("q", [1, 2, 3, 4]), 0) == ()
    assert tree.insert(array("q", [1, 2, 5]), 1) == (Stretch(0, 2),)
    assert tree.insert(array("q", [1, 2, 5, 6]), 2) == (Stretch(0, 2), Stretch(1, 3))
    assert tree.insert(array("q", [1, 2, 5, 6]), 3) == (Stretch(0, 2), Stretch(1, 3), Stretch(2, 4))
    assert tree.insert(array("q", [1]), 4) == (Stretch(0, 1),)
    assert tree.insert(array("q", []), 5) == ()
    assert tree.insert(array("q", [7]), 6) == ()


def test_common_ids() -> None:
    assert common_ids([1, 2, 3], [1, 2, 4]) == 2
    assert common_ids([2, 3], [1, 2, 3], 1) == 2
    assert common_ids([1], []) == 0
    assert common_ids([], [1]) == 0


@given(st.lists(st.lists(st.integers(0, 2), max_size=7), max_size=12))
def test_the_same_as_comparing_with_every_earlier_one(rows: list[list[int]]) -> None:
    tree = PrefixTree()
    for index, ids in enumerate(rows):
        laid = tree.insert(array("q", ids), index)
        shared = [common_ids(earlier, ids) for earlier in rows[:index]]
        longest = max(shared, default=0)
        assert (laid[-1].stop if laid else 0) == longest
        start = 0
        for stretch in laid:
            first = next(i for i in range(index) if shared[i] > start)
            assert stretch.owner == first
            assert shared[first] >= stretch.stop > start
            start = stretch.stop
