"""Budgets are kept, and the confirmation's share is kept back."""

from __future__ import annotations

import pytest

from autotune.search.budget import Budget
from autotune.search.ledger import COMPLETE, DUPLICATE, Entry, Ledger


def ledger(*seconds: float, outcome: str = COMPLETE) -> Ledger:
    made = Ledger()
    for number, each in enumerate(seconds):
        made.add(Entry(number, f"k{number}", outcome, 1.0, "", {}, {}, {}, each, None, None))
    return made


def budget(
    limit_s: float | None, trials: int | None, now: float = 0.0, launches: int = 0, **more: float
) -> Budget:
    return Budget(limit_s, trials, lambda: now, 0.0, confirm_launches=lambda _: launches, **more)


def test_the_first_trial_is_always_measured() -> None:
    assert budget(1.0, None, now=50.0).allows(Ledger())


def test_the_number_of_trials_is_kept_and_repeats_do_not_count() -> None:
    assert budget(None, 2).allows(ledger(5.0))
    assert not budget(None, 2).allows(ledger(5.0, 5.0))
    assert budget(None, 2).allows(ledger(0.0, 0.0, 0.0, outcome=DUPLICATE))


def test_a_trial_that_would_eat_the_confirmation_is_not_begun() -> None:
    # 100 s, a tenth kept back: 90 s to search in; a trial takes 10 s.
    assert budget(100.0, None, now=80.0).allows(ledger(10.0))
    assert not budget(100.0, None, now=80.1).allows(ledger(10.0))


def test_a_trial_under_way_is_late_when_it_eats_the_confirmation() -> None:
    # It may run on for 2% of the limit into the 10 s that are kept back.
    assert not budget(100.0, None, now=92.0).is_over(ledger(10.0))
    assert budget(100.0, None, now=92.1).is_over(ledger(10.0))
    assert not budget(None, 3, now=1e9).is_over(ledger(10.0))


def test_what_is_kept_back_is_what_the_confirmation_wants_between_a_tenth_and_a_half() -> None:
    known = ledger(10.0)
    wants_six = budget(200.0, None, launches=6, confirm_share_of_trial=1.0)
    assert wants_six.reserve_s(known) == pytest.approx(75.0)
    assert budget(200.0, None, launches=1).reserve_s(known) == 20.0
    assert budget(200.0, None, launches=99).reserve_s(known) == 100.0


def test_earlier_runs_of_the_study_count() -> None:
    assert not budget(100.0, None, now=0.0, spent_before_s=85.0).allows(ledger(10.0))


def test_time_left_is_the_sooner_of_both_ends() -> None:
    both = budget(100.0, 4, now=10.0)
    assert both.seconds_left(ledger(5.0, 5.0)) == 10.0
    assert budget(12.0, 4, now=10.0).seconds_left(ledger(5.0)) == 2.0
    assert budget(None, None).seconds_left(ledger(5.0)) is None


def test_a_dear_first_trial_is_not_what_the_next_costs() -> None:
    assert ledger(60.0, 20.0).typical_s == 20.0
    assert ledger(60.0, 20.0, 25.0).typical_s == 25.0


def test_what_is_kept_back_follows_what_the_confirmation_wants_by_now() -> None:
    kept = Budget(
        100.0, None, lambda: 0.0, 0.0, confirm_launches=lambda known: len(known.measured) + 2
    )
    assert kept.reserve_s(ledger(10.0)) == pytest.approx(37.5)
    assert kept.reserve_s(ledger(10.0, 10.0)) == pytest.approx(50.0)


def test_a_block_that_was_promised_may_end_a_little_late() -> None:
    # 3% of 100 s beyond the 5 that are left.
    assert budget(100.0, None, now=95.0).block_left_s() == pytest.approx(8.0)
    assert budget(100.0, None, now=95.0).confirm_left_s() == pytest.approx(5.0)
    assert budget(None, 3).block_left_s() is None


def test_how_long_a_trial_may_go_on() -> None:
    # 100 s, 10 kept back, 2 of them may be taken.
    assert budget(100.0, None, now=50.0).until_late_s(ledger(10.0)) == pytest.approx(42.0)
    assert budget(100.0, None, now=95.0).until_late_s(ledger(10.0)) == pytest.approx(-3.0)
    assert budget(None, 3).until_late_s(ledger(10.0)) is None
