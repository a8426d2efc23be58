"""Shares from chances, and trials from shares."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.search.contest.allocate import FLOOR, OUT, first_rounds, pick, shares_of


def test_shares_go_with_the_chances() -> None:
    assert shares_of({"a": 0.7, "b": 0.3}).shares == pytest.approx({"a": 0.7, "b": 0.3})


def test_a_laggard_keeps_the_floor_until_it_is_out() -> None:
    low = shares_of({"a": 0.97, "b": 0.03})
    assert low.shares == pytest.approx({"a": 0.97 / 1.07, "b": FLOOR / 1.07})
    assert low.out == ()
    gone = shares_of({"a": 0.985, "b": 0.015})
    assert gone.shares == {"a": 1.0, "b": 0.0}
    assert gone.out == ("b",)


def test_many_engines_have_a_lower_floor() -> None:
    found = shares_of({"a": 0.88, **dict.fromkeys("bcdefg", 0.02)})
    assert found.shares["b"] == pytest.approx((0.5 / 7) / (0.88 + 6 * 0.5 / 7))


@given(st.lists(st.floats(0.001, 1), min_size=2, max_size=5))
def test_shares_sum_to_one_and_the_likeliest_is_in(raw: list[float]) -> None:
    chances = {str(at): p / sum(raw) for at, p in enumerate(raw)}
    found = shares_of(chances)
    assert sum(found.shares.values()) == pytest.approx(1)
    assert max(chances, key=lambda n: chances[n]) not in found.out
    assert all(found.shares[n] > 0 for n, p in chances.items() if p >= OUT)


def picks(shares: dict[str, float], costs: dict[str, float | None], count: int) -> Counter[str]:
    return Counter(str(pick(shares, costs, at)) for at in range(count))


def test_shares_hold_over_any_few_trials() -> None:
    shares, costs = {"a": 0.5, "b": 0.5}, {"a": None, "b": None}
    for begin in range(50):
        found = Counter(pick(shares, costs, at) for at in range(begin, begin + 8))
        assert found["a"] in (3, 4, 5)
    assert picks({"a": 0.9, "b": 0.1}, costs, 100)["b"] in (9, 10, 11)


def test_shares_are_of_seconds_where_costs_are_known() -> None:
    # 0.5 / 10 s against 0.5 / 30 s: three trials of four.
    assert picks({"a": 0.5, "b": 0.5}, {"a": 10.0, "b": 30.0}, 100)["a"] in (74, 75, 76)


def test_an_engine_that_is_out_is_never_picked() -> None:
    assert picks({"a": 1.0, "b": 0.0}, {"a": 1.0, "b": 1.0}, 30) == {"a": 30}
    assert pick({"a": 0.0}, {}, 3) is None


def test_first_rounds_take_turns_in_the_order_named() -> None:
    assert first_rounds([("a", 0, True), ("b", 0, True)]) == "a"
    assert first_rounds([("a", 1, True), ("b", 0, True)]) == "b"
    assert first_rounds([("a", 1, False), ("b", 3, True)]) == "b"
    assert first_rounds([("a", 1, False), ("b", 3, False)]) is None
