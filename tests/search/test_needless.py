"""What counts as doing nothing."""

from __future__ import annotations

import math

import pytest
from entries import SPACE, entry
from hypothesis import given
from hypothesis import strategies as st

from autotune.search.change_groups import Group, groups_of
from autotune.search.effects import Basis, Effect
from autotune.search.needless import Bar, droppable, gain_of

A, B = groups_of(SPACE, {"a": 2, "b": 2, "c": 1})
BAR = Bar.of(gain=math.log(2.0), floor=math.log(1.02))


def effect(
    ratio: float | None,
    low: float | None,
    high: float | None,
    group: Group = A,
    basis: Basis = Basis.RUNS,
) -> Effect:
    return Effect(group=group, basis=basis, ratio=ratio, low=low, high=high)


@pytest.mark.parametrize(
    ("ratio", "low", "high", "is_needless"),
    [
        (1.0, 0.99, 1.01, True),  # all of it within the floor of 2%
        (1.015, 1.011, 1.019, True),  # told from nothing, and still within the floor
        (1.03, 1.025, 1.035, False),  # told, and beyond it
        (1.01, 0.95, 1.07, True),  # not told, small, and at most 7%
        (1.01, 0.85, 1.2, False),  # not told, and may be a fifth
        (1.03, 0.97, 1.09, False),  # not told, and looks like 3%
        (0.9, 0.88, 0.92, True),  # harms
        (1.0, None, None, False),
        (None, None, None, False),
    ],
)
def test_a_change_does_nothing_within_the_floor(
    ratio: float | None, low: float | None, high: float | None, is_needless: bool
) -> None:
    assert BAR.is_needless(effect(ratio, low, high)) is is_needless


def test_a_guess_drops_nothing_and_what_does_not_run_without_stays() -> None:
    assert not BAR.is_needless(effect(1.0, 0.999, 1.001, basis=Basis.GUESS))
    assert not BAR.is_needless(Effect(group=A, basis=Basis.FAILED, failure="crash: it died"))
    assert not BAR.is_suspect(Effect(group=A, basis=Basis.FAILED, failure="crash: it died"))


def test_suspect_is_what_nothing_says_helps() -> None:
    assert BAR.is_suspect(None)
    assert BAR.is_suspect(effect(1.2, 0.99, 1.4))
    assert not BAR.is_suspect(effect(1.2, 1.01, 1.4))


def test_of_a_small_gain_less_may_be_lost_and_of_none_nothing() -> None:
    small = Bar.of(gain=math.log(1.04), floor=math.log(1.02))
    assert math.exp(small.loss) == pytest.approx(1.0099, abs=1e-4)
    assert math.exp(small.risk) == pytest.approx(1.0198, abs=1e-4)
    assert not small.is_needless(effect(1.0, 0.95, 1.05))
    assert Bar.of(0.0, 0.02).loss == 0.0
    # However loud the machine is, no more than 3% counts as nothing.
    assert math.exp(Bar.of(1.0, 0.5).loss) == pytest.approx(1.03)


@given(
    gain=st.floats(0.0, 2.0), floor=st.floats(0.0, 0.5), worth=st.floats(-0.5, 0.5),
    reach=st.floats(0.0, 0.5),
)  # fmt: skip
def test_nothing_that_may_be_worth_half_the_gain_or_a_tenth_is_ever_dropped(
    gain: float, floor: float, worth: float, reach: float
) -> None:
    bar = Bar.of(gain, floor)
    found = effect(math.exp(worth), math.exp(worth - reach), math.exp(worth + reach))
    if bar.is_needless(found):
        assert worth + reach <= max(math.log(1.1), 0.0) + 1e-9
        assert worth + reach <= 0.5 * gain + 1e-9
        assert worth <= floor + 1e-9


def test_the_smaller_config_must_keep_the_gain_in_a_trial() -> None:
    full = entry(1, "x", 1.0)
    assert BAR.keeps(full, entry(2, "x", 1.019))
    assert not BAR.keeps(full, entry(2, "x", 1.021))
    assert BAR.keeps(full, entry(2, "x", 0.8))
    assert not BAR.keeps(full, entry(2, "x", None))
    loud = Bar.of(math.log(2.0), math.log(1.3))
    assert loud.keeps(full, entry(2, "x", 1.049))
    assert not loud.keeps(full, entry(2, "x", 1.051))


def test_gain_is_over_the_default() -> None:
    assert gain_of(entry(1, "x", 1.0), entry(0, "default", 2.0)) == pytest.approx(math.log(2))
    assert gain_of(entry(1, "x", 1.0), None) == 0.0
    assert gain_of(entry(1, "x", 1.0), entry(0, "default", None)) == 0.0


NOTHING, MUCH = effect(1.0, 0.99, 1.01), effect(1.5, 1.4, 1.6)


def test_one_by_one_or_all_at_once() -> None:
    nothing_b = effect(1.0, 0.99, 1.01, B)
    assert droppable([A, B], {"a": MUCH, "b": nothing_b}, None, BAR) == (B,)
    assert droppable([A, B], {"a": MUCH}, None, BAR) == ()
    assert droppable([A, B], {}, ((B,), nothing_b), BAR) == (B,)
    # All at once did something, one by one nothing did: that is for the trial to find out.
    assert droppable([A, B], {"b": nothing_b}, ((A, B), MUCH), BAR) == (B,)


def test_never_everything_is_dropped() -> None:
    """The one that is worth most stays: without any it would be the default."""
    more = effect(1.005, 0.99, 1.01, B)
    assert droppable([A, B], {"a": NOTHING, "b": more}, None, BAR) == (A,)
    assert droppable([A, B], {}, ((A, B), NOTHING), BAR) in ((A,), (B,))
