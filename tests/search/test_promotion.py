"""Who goes on from a rung; numbers worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.search.ledger import COMPLETE, STOPPED, Entry, Ledger
from autotune.search.promotion import (
    is_kept,
    is_promoted,
    looks_faster,
    may_win,
    others_on,
    wants_check,
)
from autotune.search.rung_looks import CHECKED, DROPPED, PROMOTED, RungLook


def test_a_gain_of_two_percent_is_faster() -> None:
    # log 0.98 is -0.0202.
    assert looks_faster(-0.021)
    assert not looks_faster(-0.02)


def test_what_a_rung_may_be_wrong_about_is_allowed_for() -> None:
    assert may_win(0.05, spread=0.08)
    assert not may_win(0.06, spread=0.08)
    assert not may_win(0.05, spread=0.02)


def test_doubt_carries_on_the_better_half() -> None:
    assert is_kept(0.05, [0.06, 0.07, 0.01])
    assert not is_kept(0.05, [0.01, 0.02, 0.07])
    assert is_kept(0.05, [0.01, 0.02])


def test_who_looks_faster_goes_on_whatever_the_others_did() -> None:
    assert is_promoted(-0.1, 0.01, [-0.5] * 10)
    assert not is_promoted(0.0, 0.08, [-0.5] * 10)
    assert is_promoted(0.0, 0.08, [0.5] * 10)
    assert not is_promoted(0.3, 0.08, [0.5] * 10)


def test_a_coarse_rung_halves_nobody_and_ends_those_that_cannot_win() -> None:
    assert is_promoted(0.0, 0.2, [-0.5] * 10)
    assert not is_promoted(0.19, 0.2, [-0.5] * 10)


@given(st.floats(-1, 1), st.floats(0, 0.5), st.lists(st.floats(-1, 1), max_size=8))
def test_a_faster_one_goes_on_wherever_a_slower_one_does(
    shift: float, spread: float, others: list[float]
) -> None:
    if is_promoted(shift, spread, others):
        assert is_promoted(shift - 0.1, spread, others)


def entry(number: int, verdict: str, turns: dict[str, float] | None = None) -> Entry:
    look = RungLook(rung="deep", verdict=verdict, turns=turns or {})
    outcome = STOPPED if verdict == DROPPED else COMPLETE
    made = Entry(number, str(number), outcome, 1.0, "", {}, {}, {}, 1.0, None, None)
    return replace(made, rungs=(look.to_json(),))


def ledger_of(*entries: Entry) -> Ledger:
    made = Ledger()
    for one in entries:
        made.add(one)
    return made


@pytest.mark.parametrize(
    ("dropped", "checked", "wants"),
    [(0, 0, False), (1, 0, False), (2, 0, True), (7, 1, False), (8, 1, True), (17, 2, False)],
)
def test_few_of_the_dropped_are_checked(dropped: int, checked: int, wants: bool) -> None:
    verdicts = [DROPPED] * dropped + [CHECKED] * checked
    ledger = ledger_of(*(entry(n, verdict) for n, verdict in enumerate(verdicts)))
    assert wants_check(ledger, "deep") is wants
    assert not wants_check(ledger, "sessions")


def test_the_others_are_seen_beside_the_best_one() -> None:
    best = {"a": 1.0, "b": 1.0, "c": 1.0, "d": 1.0}
    ledger = ledger_of(entry(0, PROMOTED, dict.fromkeys(best, 2.0)), entry(1, PROMOTED, {"a": 2.0}))
    assert others_on(ledger, "deep", best) == [pytest.approx(0.6931, abs=1e-4)]
