"""Drift by numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.nightly.drift import (
    BLUNT_FLOOR,
    LEAST_FLOOR,
    Moved,
    agree,
    night_floor,
    shift,
    together,
    words,
)

TURNS = [("a", n) for n in range(8)]
THEN = dict.fromkeys(TURNS, 2.0)


def by(factor: float) -> dict[tuple[str, int], float]:
    return {key: value * factor for key, value in THEN.items()}


def moved(live: float, default: float | None = None, half_width: float = 0.05) -> Moved:
    beside = None if default is None else shift(THEN, by(default))
    return Moved(shift(THEN, by(live)), beside, half_width)


def test_between_nights_lies_twice_the_floor_and_never_less_than_eight_percent() -> None:
    assert night_floor(0.1) == 0.2
    assert night_floor(0.01) == LEAST_FLOOR == math.log(1.08)


def test_on_a_loud_machine_what_takes_a_quarter_longer_is_still_seen() -> None:
    assert night_floor(0.12) == night_floor(0.17) == BLUNT_FLOOR == math.log(1.25)
    # Where two runs in a row differ by a quarter themselves it is a quarter more than that.
    assert night_floor(0.2) == 0.25


@given(st.floats(0.0, 1.0), st.floats(0.0, 1.0))
def test_a_louder_machine_never_has_a_lower_floor(one: float, other: float) -> None:
    assert night_floor(min(one, other)) <= night_floor(max(one, other))
    assert night_floor(one) >= one


def test_several_looks_are_their_geometric_mean() -> None:
    assert together([{("a", 1): 1.0, ("a", 2): 3.0}, {("a", 1): 4.0}]) == {
        ("a", 1): pytest.approx(2.0),
        ("a", 2): pytest.approx(3.0),
    }
    assert together([]) == {}


@pytest.mark.parametrize(
    ("live", "default", "drifted", "says"),
    [
        (1.0, 1.0, False, "steady: 1.00x the seconds of then; two nights may differ by 1.11x"),
        (1.05, 1.0, False, "steady: 1.05x"),
        (1.3, 1.29, True, "drift: 1.30x the seconds of then, and the defaults take 1.29x: "
                          "it is the machine or the engine"),
        (1.3, 1.0, True, "drift: 1.30x the seconds of then, and the defaults take 1.00x: "
                         "it is this config"),
        (1.3, None, True, "and the defaults could not be asked"),
        (1.0, 0.8, True, "drift: 1.00x the seconds of then, while the defaults take 0.80x"),
        (0.8, 0.8, False, "faster: 0.80x the seconds of then; two nights may differ by 1.11x"),
    ],
)  # fmt: skip
def test_what_is_drift_and_whose(
    live: float, default: float | None, drifted: bool, says: str
) -> None:
    found = moved(live, default)
    assert found.drifted is drifted
    assert says in words(found)


def test_too_few_turns_say_nothing() -> None:
    few = dict.fromkeys(TURNS[:3], 1.0)
    found = Moved(shift(few, few), None, 0.05)
    assert not found.leans
    assert (found.ratio, found.drifted, found.is_faster, found.interval(1)) == (
        None, False, False, None,
    )  # fmt: skip
    assert words(found) == "only 3 turns could be compared, which says nothing"


def test_turns_that_scatter_are_no_drift() -> None:
    wild = {key: 2.0 * (4.0 if n % 2 else 0.4) for n, key in enumerate(TURNS)}
    found = Moved(shift(THEN, wild), None, 0.05)
    assert found.ratio == pytest.approx(math.sqrt(1.6))
    assert not found.drifted


def test_the_interval_is_of_the_turns_and_of_the_launch() -> None:
    # Turns that agree have no error of their own: what two runs differ by is left, over two looks.
    low, high = moved(1.5, half_width=0.1).interval(2) or (0.0, 0.0)
    assert math.log(high / 1.5) == pytest.approx(0.1 / math.sqrt(2))
    assert low * high == pytest.approx(1.5**2)


@pytest.mark.parametrize(
    ("live", "default", "slower", "faster"),
    [
        (1.04, 1.0, False, False),
        (1.06, 1.06, True, False),  # the floor is 1.105x: half of it is 1.051x
        (0.94, 0.94, False, True),
        (1.0, 0.92, True, False),  # and beside the defaults 1.073x
        (1.0, 0.94, False, False),
    ],
)
def test_half_of_drift_is_looked_at_again(
    live: float, default: float, slower: bool, faster: bool
) -> None:
    found = moved(live, default)
    assert (found.leans_slower, found.leans_faster) == (slower, faster)
    assert found.leans is (slower or faster)


@pytest.mark.parametrize(
    ("looks", "both", "agreed"),
    [
        ([1.3], 1.3, False),
        ([1.3, 1.1], 1.2, True),
        ([1.3, 1.04], 1.16, False),
        ([0.7], 0.7, False),
        ([0.8, 0.9], 0.85, True),
        ([0.7, 1.0], 0.84, False),
        ([1.0], 1.0, True),
        ([1.3, 0.8], 1.02, True),
    ],
)
def test_two_looks_are_needed_where_something_moved(
    looks: list[float], both: float, agreed: bool
) -> None:
    assert agree([moved(x) for x in looks], moved(both)) is agreed


@given(st.floats(0.5, 2.0), st.floats(0.5, 2.0), st.floats(0.0, 0.4))
def test_a_machine_that_moves_as_a_whole_is_never_the_configs_fault(
    live: float, machine: float, half_width: float
) -> None:
    together_ = moved(live * machine, machine * live, half_width)
    assert not together_.has_lost
    assert together_.drifted == (math.log(live * machine) > together_.floor)
