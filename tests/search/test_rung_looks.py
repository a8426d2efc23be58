"""What a trial showed on a rung, and how two are compared; numbers worked out by hand."""

from __future__ import annotations

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.search.ledger import COMPLETE, Entry
from autotune.search.rung_looks import (
    PROMOTED,
    RungLook,
    ahead_s,
    look_on,
    middle_of,
    shift_between,
)


def entry(*looks: RungLook) -> Entry:
    """A trial with these looks, as the disk gives them back."""
    rungs = tuple(json.loads(json.dumps([look.to_json() for look in looks])))
    return Entry(1, "k", COMPLETE, 2.0, "", {}, {}, {}, 9.0, None, None, rungs=rungs)


def test_a_look_comes_back_from_the_disk_as_it_was() -> None:
    look = RungLook(rung="deep", turns={"s/1": 2.5}, seconds=3.0, verdict=PROMOTED, shift=0.1)
    assert look_on(entry(look), "deep") == look
    assert look_on(entry(look), "sessions") is None
    assert look_on(entry(), "deep") is None


def test_its_value_is_the_geometric_mean_of_its_turns() -> None:
    assert RungLook(rung="deep", turns={"a": 1.0, "b": 4.0}).value_s == pytest.approx(2.0)
    assert RungLook(rung="deep").value_s is None


def test_two_are_compared_over_the_turns_that_both_have() -> None:
    one = {"a": 2.0, "b": 2.0, "c": 2.0, "d": 2.0, "x": 99.0}
    other = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0, "y": 0.01}
    assert shift_between(one, other) == pytest.approx(math.log(2))
    assert shift_between({"a": 1.0}, {"a": 1.0}) is None


def test_the_middle_is_the_median_of_all_pairwise_means() -> None:
    # Of 0, 0, 0, 8: means 0 (six times), 4 (three), 8: the median of ten is 0.
    assert middle_of([0.0, 0.0, 0.0, 8.0]) == 0.0
    # Of 1, 2, 4: 1, 1.5, 2, 2.5, 3, 4: between 2 and 2.5.
    assert middle_of([1.0, 2.0, 4.0]) == pytest.approx(2.25)


@given(st.lists(st.floats(0.1, 10), min_size=4, max_size=8))
def test_a_shift_turned_around_is_its_opposite(times: list[float]) -> None:
    one = {str(at): seconds for at, seconds in enumerate(times)}
    other = dict.fromkeys(one, 1.0)
    forth, back = shift_between(one, other), shift_between(other, one)
    assert forth is not None
    assert back is not None
    assert forth == pytest.approx(-back)


def test_only_rungs_beside_the_plan_cost_something() -> None:
    deep, sessions = RungLook(rung="deep", seconds=3.0), RungLook(rung="sessions")
    assert ahead_s([entry(deep, sessions), entry(deep)]) == 6.0
