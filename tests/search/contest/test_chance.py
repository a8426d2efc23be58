"""Chances of engines: worked out by hand where they can be, and how they move."""

from __future__ import annotations

import math

import pytest

from autotune.search.contest.chance import (
    DRAWS,
    PRIOR_GAIN,
    Standing,
    chances,
    expected_records,
    gain_of_record,
    records_to_come,
)


def standing(
    best_s: float | None,
    trials: int = 5,
    left: float = 0,
    records: int = 0,
    first_s: float | None = None,
) -> Standing:
    first = best_s if first_s is None else first_s
    return Standing(first_s=first, best_s=best_s, trials=trials, records=records, left=left)


def test_records_are_harmonic() -> None:
    assert expected_records(0, 3) == pytest.approx(1 + 1 / 2 + 1 / 3)
    assert expected_records(4, 2) == pytest.approx(1 / 5 + 1 / 6)
    assert expected_records(4, 2.5) == pytest.approx(1 / 5 + 1 / 6 + 0.5 / 7)
    assert expected_records(7, 0) == 0


def test_records_come_as_they_are_due_until_an_engine_had_more_or_fewer() -> None:
    due = 1 / 2 + 1 / 3
    more = 1 / 4 + 1 / 5
    assert records_to_come(standing(1.0, trials=1, left=2)) == pytest.approx(due)
    two = records_to_come(standing(1.0, trials=3, left=2, records=2))
    assert two == pytest.approx(3 / (1 + due) * more)
    none = records_to_come(standing(1.0, trials=3, left=2))
    assert none == pytest.approx(1 / (1 + due) * more)


def test_the_gain_of_a_record_is_the_prior_until_something_was_gained() -> None:
    assert gain_of_record(standing(1.0, trials=1)) == pytest.approx(PRIOR_GAIN)
    # Two records halved the time together: the third thought of is the prior's.
    found = gain_of_record(standing(1.0, trials=3, records=2, first_s=2.0))
    assert found == pytest.approx((PRIOR_GAIN + math.log(2)) / 3)


def test_a_best_that_turned_out_slower_than_the_default_is_no_negative_gain() -> None:
    assert gain_of_record(standing(1.1, trials=1, first_s=1.0)) == pytest.approx(PRIOR_GAIN)


def test_with_nothing_left_only_the_noise_of_the_bests_speaks() -> None:
    even = chances([standing(1.0), standing(1.0)], seed=0)
    assert even == pytest.approx([0.5, 0.5], abs=0.03)
    assert sum(even) == pytest.approx(1)
    # ln 1.5 is 4.1 standard deviations of the difference of two bests: 0.07 times the root of 2.
    assert chances([standing(1.0), standing(1.5)], seed=0)[1] < 2 / DRAWS


def test_trials_that_are_left_keep_a_laggard_in() -> None:
    near = [standing(1.0, trials=3, left=20), standing(1.4, trials=3, left=20)]
    later = [standing(1.0, trials=30, left=3), standing(1.4, trials=30, left=3)]
    assert chances(near, 0)[1] > 0.1
    assert chances(later, 0)[1] < 0.02


def test_one_that_improves_is_likelier_than_one_that_does_not() -> None:
    leader = standing(1.0, trials=7, left=10)
    still = chances([leader, standing(1.4, trials=7, left=10)], 0)[1]
    rising = chances([leader, standing(1.4, trials=7, left=10, records=3, first_s=3.0)], 0)[1]
    assert rising > 2 * still


def test_an_engine_without_a_value_cannot_win() -> None:
    assert chances([standing(None), standing(9.0)], 0) == [0.0, 1.0]
    assert chances([standing(None), standing(None)], 0) == [0.5, 0.5]


def test_the_same_evidence_gives_the_same_chances() -> None:
    rows = [standing(1.0, left=9), standing(1.1, left=9), standing(1.2, left=9)]
    assert chances(rows, 3) == chances(rows, 3)
