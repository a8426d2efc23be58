"""The verdict is taken on sessions the search never saw, where there are enough."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.search.holdout import split_sessions


def test_three_sessions_are_too_few_to_part() -> None:
    assert split_sessions({"a": 1, "b": 2, "c": 3}, 0) == (("a", "b", "c"), ("a", "b", "c"))


def test_both_halves_are_as_deep() -> None:
    depths = {"a": 100, "b": 99, "c": 50, "d": 49}
    for seed in range(5):
        search, confirm = split_sessions(depths, seed)
        assert len({"a", "b"} & set(confirm)) == 1
        assert len({"c", "d"} & set(confirm)) == 1
        assert set(search) | set(confirm) == set(depths)


@settings(max_examples=40, deadline=None)
@given(
    st.dictionaries(st.text(min_size=1, max_size=3), st.integers(1, 999), min_size=4),
    st.integers(0, 9),
)
def test_nothing_is_lost_shared_or_left_to_chance(depths: dict[str, int], seed: int) -> None:
    search, confirm = split_sessions(depths, seed)
    assert not set(search) & set(confirm)
    assert sorted([*search, *confirm]) == sorted(depths)
    assert len(confirm) >= 2
    assert len(search) >= 2
    assert split_sessions(depths, seed) == (search, confirm)
