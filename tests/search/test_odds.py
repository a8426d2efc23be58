"""What failed together, and has never run together, is not soon tried again."""

from __future__ import annotations

import pytest
from entries import entry, ledger

from autotune.search.odds import Odds


def test_without_a_failure_everything_may_run() -> None:
    assert Odds.of(ledger(entry(0, "default", 1.0, {"a": 1}))).chance({"a": 2, "b": 9}) == 1.0


def test_a_pair_that_failed_twice_has_a_third_of_a_chance() -> None:
    known = ledger(
        entry(0, "default", 1.0, {"a": 1, "b": 1, "c": 1}),
        entry(1, "x", None, {"a": 2, "b": 2, "c": 1}),
        entry(2, "y", None, {"a": 2, "b": 2, "c": 2}),
    )
    odds = Odds.of(known)
    assert odds.chance({"a": 2, "b": 2, "c": 1}) == pytest.approx(1 / 3)
    assert odds.chance({"a": 1, "b": 1, "c": 1}) == 1.0


def test_a_pair_that_also_ran_is_not_what_failed() -> None:
    known = ledger(
        entry(0, "default", 1.0, {"a": 1, "b": 1}),
        entry(1, "x", None, {"a": 2, "b": 1}),
        entry(2, "y", 1.0, {"a": 2, "b": 1}),
    )
    assert Odds.of(known).chance({"a": 2, "b": 1}) == 1.0
