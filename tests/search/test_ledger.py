"""Several looks at one candidate; numbers worked out by hand."""

from __future__ import annotations

import pytest

from autotune.search.ledger import COMPLETE, STOPPED, Entry, Ledger


def entry(number: int, key: str, value: float | None, outcome: str = COMPLETE) -> Entry:
    return Entry(number, key, outcome, value, "", {}, {}, {}, 10.0, None, None)


def ledger(*entries: Entry) -> Ledger:
    made = Ledger()
    for one in entries:
        made.add(one)
    return made


def test_two_looks_are_worth_what_stands_between_them_and_the_first_has_the_name() -> None:
    known = ledger(entry(0, "a", 1.0), entry(1, "b", 1.2), entry(2, "a", 1.6))
    assert [(e.number, e.value) for e in known.ranked] == [(1, 1.2), (0, pytest.approx(1.3))]
    assert [e.number for e in known.looks("a")] == [0, 2]


def test_one_bad_look_of_three_does_not_count() -> None:
    known = ledger(entry(0, "a", 1.0), entry(1, "a", 9.0), entry(2, "a", 1.1))
    best = known.best
    assert best is not None
    assert best.value == pytest.approx(1.1)


def test_a_whole_measurement_stands_before_a_guess() -> None:
    known = ledger(entry(0, "a", 1.5, STOPPED), entry(1, "a", 1.3))
    found = known.find("a")
    assert found is not None
    assert found.number == 1
    assert [e.number for e in known.tries("a")] == [0, 1]
    assert known.find("b") is None
    assert known.ranked == [found]


def test_every_launch_counts_as_measured() -> None:
    known = ledger(entry(0, "a", 1.5, STOPPED), entry(1, "a", 1.3), entry(2, "a", 1.2))
    assert len(known.measured) == 3
    assert known.spent_s == 30.0
