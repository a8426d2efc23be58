"""How far a rung can be trusted; numbers worked out by hand."""

from __future__ import annotations

import math

import pytest
from rung_plans import ledger_of, look, trial

from autotune.search.ledger import STOPPED, Entry
from autotune.search.rung_looks import CHECKED, DROPPED, LOST, PROMOTED
from autotune.search.rung_ranks import (
    BEFORE,
    WORTH,
    misleads,
    pairs_on,
    spread_of,
    trust_in,
    trusts,
)
from autotune.search.rungs import DEEP, SESSIONS

BASE = trial(0, 1.0, look(0.0), label="default")


def beside(*whole_and_rung: tuple[float, float]) -> list[Entry]:
    """Trials that are 2**whole as slow as the default in all, and 2**rung on the rung."""
    rows = [BASE]
    for number, (whole, rung) in enumerate(whole_and_rung, 1):
        rows.append(trial(number, 2.0**whole, look(rung, verdict=PROMOTED)))
    return rows


def test_a_pair_is_how_much_slower_than_the_default_a_config_is_here_and_there() -> None:
    (pair,) = pairs_on(ledger_of(beside((1.0, 0.5))), DEEP)
    assert pair.number == 1
    assert pair.rung == pytest.approx(0.5 * math.log(2))
    assert pair.whole == pytest.approx(math.log(2))


def test_whom_the_rung_ended_says_nothing_of_the_plan_and_who_was_checked_does() -> None:
    rows = [
        BASE,
        trial(1, 1.2, look(0.3, verdict=DROPPED), outcome=STOPPED),
        trial(2, 1.2, look(0.3, verdict=LOST), outcome=STOPPED),
        trial(3, 1.2, look(0.3, verdict=CHECKED), outcome=STOPPED),
        trial(4, None, look(0.3)),
        trial(5, 1.2),
    ]
    assert [p.number for p in pairs_on(ledger_of(rows), DEEP)] == [3]


def test_without_a_default_on_the_rung_nothing_is_known() -> None:
    assert pairs_on(ledger_of([trial(0, 1.0, label="default")]), DEEP) == []
    assert pairs_on(ledger_of([]), DEEP) == []
    trust = trust_in(ledger_of([]), DEEP)
    assert trust.agreement.tau_b is None
    assert trust.spread == BEFORE[DEEP]
    assert not trust.misleads


def test_the_same_order_is_a_tau_of_one_and_the_other_way_round_misleads() -> None:
    steps = [(0.1 * n, 0.1 * n) for n in range(1, 9)]
    good = ledger_of(beside(*steps))
    assert trust_in(good, DEEP).agreement.tau_b == pytest.approx(1.0)
    assert not misleads(good, DEEP)
    bad = ledger_of(beside(*((w, -r) for w, r in steps)))
    trust = trust_in(bad, DEEP)
    assert trust.agreement.tau_b == pytest.approx(-1.0)
    assert trust.misleads
    assert misleads(bad, DEEP)


def test_a_few_configs_do_not_show_that_a_rung_misleads() -> None:
    bad = ledger_of(beside((0.1, -0.1), (0.2, -0.2), (0.3, -0.3), (0.4, -0.4)))
    assert trust_in(bad, DEEP).agreement.tau_b == pytest.approx(-1.0)
    assert not misleads(bad, DEEP)


def test_what_a_rung_is_off_by_for_all_is_the_defaults_own_luck() -> None:
    # Always 0.1 too low: no error in any difference.
    ledger = ledger_of(beside(*((w, w - 0.1) for w in (0.1, 0.2, 0.3, 0.4))))
    known = WORTH * BEFORE[DEEP] ** 2
    assert spread_of(ledger, DEEP) == pytest.approx(math.sqrt(known / (WORTH + 3)))


def test_the_spread_grows_with_what_it_is_wrong_about() -> None:
    # Off by 1 and by -1 octaves: a variance of 2 octaves squared, twice that for a difference.
    ledger = ledger_of(beside((1.0, 0.0), (-1.0, 0.0)))
    variance = 2 * 2 * math.log(2) ** 2
    expected = math.sqrt((WORTH * BEFORE[DEEP] ** 2 + variance) / (WORTH + 1))
    assert trust_in(ledger, DEEP).spread == pytest.approx(expected)


def test_each_rung_has_its_own_record() -> None:
    rows = [
        trial(0, 1.0, look(0.0), look(0.0, rung=SESSIONS), label="default"),
        trial(1, 2.0, look(1.0, verdict=PROMOTED), look(1.0, rung=SESSIONS, verdict=DROPPED)),
    ]
    found = {t.rung: t.agreement.n for t in trusts(ledger_of(rows), [DEEP, SESSIONS])}
    assert found == {DEEP: 1, SESSIONS: 0}
