"""From trials to points."""

from __future__ import annotations

import math

import pytest
from entries import SPACE, entry, ledger

from autotune.search.evidence import STOPPED_ERROR, TRIAL_ERROR, points_of, trial_error
from autotune.search.ledger import STOPPED

assert SPACE


def test_every_look_is_a_point_against_the_default() -> None:
    known = ledger(
        entry(0, "default", 2.0, {"a": 1, "b": 1}),
        entry(1, "x", 1.0, {"a": 1, "b": 2}),
        entry(2, "again: trial-0001", 1.1, {"a": 1, "b": 2}),
    )
    assert [p.log_time for p in points_of(known)] == pytest.approx(
        [0.0, math.log(0.5), math.log(0.55)]
    )
    assert {p.error for p in points_of(known)} == {TRIAL_ERROR}


def test_an_estimate_is_less_sure_and_gives_way_to_a_look() -> None:
    base = entry(0, "default", 2.0, {"a": 1, "b": 1})
    stopped = entry(1, "x", 2.5, {"a": 1, "b": 2}, outcome=STOPPED)
    (_, guess) = points_of(ledger(base, stopped), error=0.08)
    assert guess.error == pytest.approx(math.hypot(0.08, STOPPED_ERROR))
    whole = entry(2, "again: trial-0001", 1.0, {"a": 1, "b": 2})
    assert [p.log_time for p in points_of(ledger(base, stopped, whole))] == pytest.approx(
        [0.0, math.log(0.5)]
    )


def test_failures_are_no_points_and_the_first_value_stands_for_a_default_without_one() -> None:
    known = ledger(
        entry(0, "default", None, {"a": 1, "b": 1}), entry(1, "x", 3.0, {"a": 1, "b": 2})
    )
    assert [p.log_time for p in points_of(known)] == [0.0]
    assert points_of(ledger(entry(0, "default", None, {"a": 1, "b": 1}))) == []


def test_the_error_of_a_trial_follows_from_the_floor() -> None:
    # 95 of 100 differences of two runs lie within 1.96 * sqrt(2) deviations of one.
    assert trial_error(0.1) == pytest.approx(0.1 / 2.7719, rel=1e-4)
    assert trial_error(math.inf) == TRIAL_ERROR
