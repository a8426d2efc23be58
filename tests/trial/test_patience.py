"""How long a silence is waited for: by the slowest that was seen, the budget, and what is left."""

from __future__ import annotations

from dataclasses import replace

import pytest
from quick_arms import record_of

from autotune.trial.patience import LEAST_S, SHARE, TIMES, Patience, endless


def seen(ttft_s: float, limit_s: float | None = 1800.0, left_s: float | None = None) -> Patience:
    made = Patience(limit_s=limit_s, left_s=lambda _: left_s)
    made.saw(record_of("trial-0000", 0, 0, ttft_s))
    return made


def test_an_engine_of_which_nothing_is_known_gets_all_the_time() -> None:
    assert Patience(limit_s=1800.0).silence_s("trial-0000", 600.0) == 600.0
    assert Patience(limit_s=1800.0).start_s("trial-0000", 600.0) == 600.0


def test_without_a_budget_everything_is_waited_for() -> None:
    assert seen(1.0, limit_s=None).silence_s("trial-0001", 600.0) == 600.0
    assert endless("trial-0001") is None


def test_a_hang_costs_a_hundredth_of_the_budget() -> None:
    assert seen(1.0).silence_s("trial-0001", 600.0) == pytest.approx(SHARE * 1800.0) == 18.0
    assert seen(1.0, limit_s=86_400.0).silence_s("trial-0001", 600.0) == 600.0


def test_no_turn_is_cut_that_takes_less_than_several_of_the_slowest() -> None:
    made = seen(40.0)
    made.saw(record_of("trial-0000", 0, 1, 2.0))
    assert made.silence_s("trial-0001", 600.0) == TIMES * 40.0 == 160.0
    assert made.silence_s("trial-0001", 120.0) == 120.0


def test_little_time_makes_it_short_and_never_shorter_than_what_was_seen() -> None:
    assert seen(1.0, 7200.0, left_s=40.0).silence_s("trial-0001", 600.0) == 40.0
    assert seen(1.0, left_s=-5.0).silence_s("trial-0001", 600.0) == LEAST_S
    assert seen(8.0, left_s=-5.0).silence_s("trial-0001", 600.0) == 32.0


def test_what_is_left_is_asked_for_the_arm() -> None:
    left = {"trial-0001": 20.0, "confirm-0004-default": 50.0}
    made = Patience(limit_s=9000.0, left_s=left.get)
    made.saw(record_of("trial-0000", 0, 0, 1.0))
    assert [made.silence_s(arm, 600.0) for arm in left] == [20.0, 50.0]


def test_a_failed_turn_teaches_nothing() -> None:
    made = Patience(limit_s=1800.0)
    made.saw(replace(record_of("trial-0000", 0, 0, 500.0), failure="hang"))
    assert made.silence_s("trial-0001", 600.0) == 600.0


def test_loads_are_waited_for_by_loads() -> None:
    made = seen(1.0)
    made.loaded(50.0)
    made.loaded(3.0)
    assert made.start_s("trial-0001", 600.0) == 200.0
    assert made.silence_s("trial-0001", 600.0) == 18.0
