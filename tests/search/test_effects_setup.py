"""How much time the winner's changes may take."""

from __future__ import annotations

import time

import pytest
from entries import entry, ledger
from formula import plan_of

from autotune.search.account import Account, Booked
from autotune.search.budget import MARGIN, Budget
from autotune.search.effects_setup import EFFECTS_SHARE, SHARE_OF_TRIALS, EffectsTime, launch_share
from autotune.search.leave_one_out import Costs
from autotune.search.planned import FEWER

KNOWN = ledger(entry(0, "default", 2.0), entry(1, "x", 1.0, {"a": 2}))
"""Trials of a second."""

TIME = EffectsTime(short_share=0.3, launch_share=lambda: 0.5, blocks=3)


def budget(limit_s: float | None, spent_s: float = 0.0) -> Budget:
    return Budget(
        limit_s,
        None,
        lambda: 0.0,
        0.0,
        spent_s,
        confirm_launches=lambda _: 6,
        effects_s=lambda known: TIME.reserve_s(limit_s, known),
    )


def test_a_short_launch_is_the_load_and_its_part_of_the_plan() -> None:
    assert TIME.short_s(KNOWN) == pytest.approx(0.5 + 0.5 * 0.3)


def test_a_tenth_is_kept_back_where_it_holds_the_least_and_else_nothing() -> None:
    # Four short launches of 0.65 s and a trial of one are 3.6 s.
    assert TIME.reserve_s(36.0, KNOWN) == pytest.approx(3.6)
    assert TIME.reserve_s(35.9, KNOWN) == 0.0
    assert TIME.reserve_s(None, KNOWN) == 0.0
    off = EffectsTime(short_share=0.3, launch_share=lambda: 0.5, blocks=3, wanted=False)
    assert off.reserve_s(1000.0, KNOWN) == 0.0


def test_the_search_ends_earlier_by_what_is_kept_back() -> None:
    made = budget(100.0)
    assert made.confirm_reserve_s(KNOWN) == pytest.approx(10.0)
    assert made.reserve_s(KNOWN) == pytest.approx(20.0)
    assert made.search_left_s(KNOWN) == pytest.approx(80.0)


def test_what_the_confirmation_needs_is_not_touched() -> None:
    # Six launches of a second and 25% more are the confirmation's.
    assert TIME.until_confirmation_s(budget(100.0, 92.0), KNOWN) == pytest.approx(8 - 6 * MARGIN)
    assert TIME.left_s(budget(100.0, 92.0), KNOWN) == pytest.approx(8 - 6 * MARGIN)
    # A search that ended early leaves more than the share: it stays the share.
    assert TIME.left_s(budget(100.0, 20.0), KNOWN) == pytest.approx(EFFECTS_SHARE * 100)
    assert TIME.left_s(budget(100.0, 99.0), KNOWN) == 0.0
    assert TIME.has_time_for_trial(budget(100.0, 91.4), KNOWN)
    assert not TIME.has_time_for_trial(budget(100.0, 91.6), KNOWN)


def test_without_a_budget_it_is_a_share_of_what_the_trials_took() -> None:
    assert TIME.left_s(budget(None), KNOWN) == pytest.approx(SHARE_OF_TRIALS * 2.0)
    assert TIME.has_time_for_trial(budget(None), KNOWN)


def test_a_round_leaves_the_time_for_a_trial() -> None:
    assert TIME.costs(budget(100.0), KNOWN) == Costs(
        left_s=pytest.approx(9.0), short_s=pytest.approx(0.65), whole_s=1.0
    )


def test_trials_of_smaller_configs_do_not_count_against_the_number_of_trials() -> None:
    made = Budget(None, 3, time.monotonic, 0.0)
    smaller = ledger(*KNOWN.entries, entry(2, f"{FEWER}x", 1.0, {"b": 2}))
    assert made.allows(smaller)
    assert not made.allows(ledger(*KNOWN.entries, entry(2, "y", 1.0, {"b": 2})))


def test_the_launches_share_is_what_the_account_says() -> None:
    from formula import FormulaMeasurer

    from autotune.candidate import Candidate

    account = Account(lambda: 0.0, 0.0)
    assert launch_share(account) == 0.0
    measurer = Booked(FormulaMeasurer(), account)
    settings = {"batch-size": 512, "threads": 2, "spec-type": "none"}
    plan = plan_of()
    measurer.measure(Candidate(settings), plan, arm="trial-0000", block=0, sink=lambda _: None)
    assert launch_share(account) == pytest.approx(0.1)  # one second of ten
    measurer.measure(
        Candidate(settings), plan, arm="effects-0002-0001-without-a", block=0, sink=lambda _: None
    )
    assert account.parts()["effects"] == pytest.approx(10.0)
