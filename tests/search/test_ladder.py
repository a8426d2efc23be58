"""Which rungs are used; costs worked out by hand."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rung_plans import ledger_of, look, rungs, trial

from autotune.search.ladder import Ladder, drop_share, gain, is_known_of_best, reach
from autotune.search.ledger import STOPPED, Entry
from autotune.search.rung_looks import DROPPED, PROMOTED
from autotune.search.rungs import DEEP, SESSIONS

ALL = rungs()
DEEP_RUNG = ALL[0]
BASE = trial(0, 1.0, look(0.0), look(0.0, rung=SESSIONS), label="default")


def dropped(number: int) -> Entry:
    return trial(
        number, 1.2, look(0.3, verdict=DROPPED), outcome=STOPPED, seconds=20.0, reached=0.0
    )


def test_before_anything_is_measured_the_cost_is_known_by_tokens() -> None:
    empty = ledger_of([])
    # Half of them dropped, who would have gone 0.6 of the way.
    assert gain(replace(DEEP_RUNG, share=0.1), empty) == pytest.approx((0.3 - 0.1) / 0.6)
    assert Ladder((replace(DEEP_RUNG, share=0.1),)).ahead(empty) is not None
    assert Ladder((replace(DEEP_RUNG, share=0.28),)).ahead(empty) is None


def test_the_default_tells_what_a_rung_costs_beside_launch_and_plan() -> None:
    # A launch of 10 s, a plan of 100 s, a rung of 10 s: (0.5 * 0.6 * 100 - 10) / (10 + 60).
    assert gain(DEEP_RUNG, ledger_of([BASE])) == pytest.approx(20 / 70)


def test_where_loading_takes_most_a_rung_saves_little_and_is_not_used() -> None:
    slow = replace(BASE, seconds=110.0 + 1000.0)
    assert gain(DEEP_RUNG, ledger_of([slow])) == pytest.approx(20 / 1060)
    assert Ladder(ALL).ahead(ledger_of([slow])) is None
    # The plan is left early all the same: that costs nothing.
    assert Ladder(ALL).within(ledger_of([slow])) is ALL[1]


def test_a_rung_that_costs_more_than_it_saves_is_not_used() -> None:
    dear = trial(0, 1.0, look(0.0, seconds=40.0), label="default", seconds=150.0)
    assert gain(DEEP_RUNG, ledger_of([dear])) < 0
    assert Ladder(ALL).ahead(ledger_of([dear])) is None


def test_what_it_drops_and_how_far_the_others_get_is_learnt() -> None:
    went_on = [
        trial(n, 1.1, look(0.0, verdict=PROMOTED), outcome=STOPPED, reached=0.3) for n in (1, 2, 3)
    ]
    ledger = ledger_of([BASE, *went_on, dropped(4)])
    # One of four that were decided on, beside two of four that are supposed.
    assert drop_share(ledger, DEEP) == pytest.approx(3 / 8)
    # Three that got 0.3 of the way, beside four at 0.6.
    assert reach(ledger) == pytest.approx((2.4 + 0.9) / 7)


def test_a_rung_that_never_drops_anybody_goes_out_of_use() -> None:
    kept = [trial(n, 1.0 - n / 100, look(0.0, verdict=PROMOTED)) for n in range(1, 20)]
    assert Ladder(ALL).ahead(ledger_of([BASE, *kept])) is None


def test_without_the_best_ones_turns_there_is_nothing_to_compare_with() -> None:
    ledger = ledger_of([BASE, trial(1, 0.5)])
    assert not is_known_of_best(DEEP_RUNG, ledger)
    assert Ladder(ALL).ahead(ledger) is None
    assert is_known_of_best(DEEP_RUNG, ledger_of([]))


def test_a_rung_that_misleads_leaves_it_to_the_next_one() -> None:
    rows = [BASE]
    for n in range(1, 10):
        deep, sessions = look(0.1 * n, verdict=PROMOTED), look(-0.1 * n, rung=SESSIONS)
        rows.append(trial(n, 2.0 ** (-0.1 * n), deep, sessions))
    rows += [dropped(n) for n in range(10, 20)]
    ladder, ledger = Ladder(ALL), ledger_of(rows)
    assert gain(DEEP_RUNG, ledger) > 0.05
    assert ladder.ahead(ledger) is None
    assert ladder.within(ledger) is ALL[1]


def test_no_rungs_are_no_ladder() -> None:
    assert Ladder().ahead(ledger_of([])) is None
    assert Ladder().within(ledger_of([BASE])) is None
    assert [rung.name for rung in ALL] == ["deep", "sessions", "whole"]
