"""One budget for several engines: what a silent engine may cost."""

from __future__ import annotations

import pytest
from quick_arms import record_of

from autotune.search.budget import Budget
from autotune.search.contest.budget import ContestBudget


def budget(limit_s: float | None, now_s: float = 300.0) -> ContestBudget:
    return ContestBudget(Budget(limit_s, None, lambda: now_s, 0.0), blocks=3)


def test_a_hang_in_the_search_leaves_the_confirmation_its_part() -> None:
    patience = budget(1000.0).patience(list, lambda: 800.0)
    assert patience.left_s("trial-0001") == pytest.approx(600.0)
    assert patience.left_s("anchor-0001") == pytest.approx(600.0)
    assert patience.left_s("confirm-0004-a") == pytest.approx(700.0)
    assert patience.left_s("hold-0004-a") == 800.0


def test_each_engine_is_waited_for_by_what_was_seen_of_it() -> None:
    one, other = budget(1000.0).patience(list), budget(1000.0).patience(list)
    one.saw(record_of("trial-0000", 0, 0, 1.0))
    assert one.silence_s("trial-0001", 600.0) == 15.0
    assert other.silence_s("trial-0001", 600.0) == 600.0


def test_without_a_budget_everything_is_waited_for() -> None:
    patience = budget(None).patience(list)
    patience.saw(record_of("trial-0000", 0, 0, 1.0))
    assert patience.left_s("trial-0001") is None
    assert patience.silence_s("trial-0001", 600.0) == 600.0
