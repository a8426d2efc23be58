"""What a study's budget leaves for a silent engine, by what is measured."""

from __future__ import annotations

import pytest
from quick_arms import record_of

from autotune.search.budget import Budget
from autotune.search.hurry import patience_of
from autotune.search.ledger import COMPLETE, Entry, Ledger


def test_a_trial_leaves_the_confirmation_its_part() -> None:
    # 1000 s of which 100 are kept back and 20 may be taken of those; 860 have passed.
    ledger = Ledger()
    ledger.add(Entry(0, "k", COMPLETE, 1.0, "", {}, {}, {}, 10.0, None, None))
    budget = Budget(1000.0, None, lambda: 860.0, 0.0)
    patience = patience_of(budget, lambda: ledger, lambda: 240.0)
    patience.saw(record_of("trial-0000", 0, 0, 1.0))
    assert patience.limit_s == 1000.0
    assert patience.silence_s("trial-0001", 600.0) == 15.0
    assert patience.left_s("trial-0001") == pytest.approx(60.0)
    assert patience.left_s("anchor-0001") == pytest.approx(60.0)
    assert patience.left_s("heat-0004-trial-0001") == pytest.approx(140.0)
    assert patience.left_s("confirm-0004-default") == pytest.approx(140.0)
    assert patience.left_s("hold-0004-trial-0001") == 240.0


def test_without_a_limit_there_is_no_hurry() -> None:
    patience = patience_of(Budget(None, 5, lambda: 0.0, 0.0), Ledger)
    patience.saw(record_of("trial-0000", 0, 0, 1.0))
    assert patience.left_s("trial-0001") is None
    assert patience.silence_s("trial-0001", 600.0) == 600.0
