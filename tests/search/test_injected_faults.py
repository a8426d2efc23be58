"""Searches of machines on which much of the space runs out of memory, and engines hang and die."""

from __future__ import annotations

import pytest
from faulty_study import (
    INJECTED,
    FaultyStudy,
    default_of,
    faults_over,
    faulty_study,
    injected,
    some_configs,
    truth_named,
)

from autotune.launchers.failure import Failure, FailureKind
from autotune.simulated.faults import Faults
from autotune.simulated.machines import simulated_setup
from autotune.trial.patience import LEAST_S, SHARE

NAME, SEEDS = "2-cores-vllm", (0, 2)
TRIALS = 30


@pytest.fixture(scope="module")
def budget_s() -> float:
    return TRIALS * truth_named(NAME).trial_s()


@pytest.fixture(scope="module", params=SEEDS)
def pair(request: pytest.FixtureRequest, budget_s: float) -> tuple[FaultyStudy, FaultyStudy]:
    """The same study without faults and with them."""
    plain = faulty_study(NAME, request.param, budget_s)
    faults = faults_over(NAME, request.param, [plain.recommended])
    return plain, faulty_study(NAME, request.param, budget_s, faults)


def test_faults_are_put_in(pair: tuple[FaultyStudy, FaultyStudy]) -> None:
    plain, faulty = pair
    assert sum(plain.kinds.values()) == 0
    assert faulty.kinds["out-of-memory"] > 0


def test_every_fault_ends_as_what_it_was_put_in_as(pair: tuple[FaultyStudy, FaultyStudy]) -> None:
    plain, faulty = pair
    assert faulty.misclassified() == []
    assert plain.misclassified() == []


def test_the_budget_is_kept(pair: tuple[FaultyStudy, FaultyStudy]) -> None:
    for study in pair:
        assert study.used_s <= 1.05 * study.budget_s


def test_what_wins_is_worth_as_much(pair: tuple[FaultyStudy, FaultyStudy]) -> None:
    truth = truth_named(NAME)
    without, with_faults = (truth.held_out(study.recommended) for study in pair)
    assert without is not None
    assert with_faults is not None
    default = truth.held_out(default_of(pair[0].setup))
    assert default is not None
    assert with_faults < 0.9 * default
    assert with_faults == pytest.approx(without, rel=0.05)


def test_what_would_run_is_not_given_up(pair: tuple[FaultyStudy, FaultyStudy]) -> None:
    plain, faulty = pair
    faults = faults_over(NAME, faulty.run.asked.seed, [plain.recommended])
    assert faulty.refused_good(some_configs(NAME, 20), faults) == []


def test_a_default_that_hangs_at_first_is_measured_again(budget_s: float) -> None:
    """Every first run of it hangs; nothing can be proved without it."""
    study = faulty_study(NAME, 3, budget_s, Faults(hang=0.25, crash=0.1))
    baseline = study.run.ledger.baseline
    assert baseline is not None
    assert baseline.value is not None
    assert study.used_s <= 1.05 * budget_s
    assert study.misclassified() == []


def test_a_hang_costs_what_is_waited_for(budget_s: float) -> None:
    study = faulty_study(NAME, 5, budget_s, Faults(hang=0.2, timeout_s=600.0))
    slowest = max(r.ttft_s or 0.0 for r in study.run.log.records())
    hung = [one for one in study.seen if one.injected is FailureKind.HANG]
    whole_s = max(e.seconds for e in study.run.ledger.measured if e.failure is None)
    assert hung
    bound_s = max(LEAST_S, 4.0 * slowest, SHARE * budget_s)
    # Before the first good turn nothing is known, and a hang is waited for to its end.
    assert all(one.seconds <= whole_s + bound_s for one in hung[1:])


def test_what_was_put_in_is_known_by_its_words() -> None:
    for words, kind in INJECTED.items():
        assert injected(Failure(FailureKind.BAD_REPLY, f"session a turn 3: {words}")) is kind
    assert injected(None) is None
    assert injected(Failure(FailureKind.CRASH, "it died by itself")) is None


def test_the_winner_and_the_default_are_spared() -> None:
    setup = simulated_setup(NAME)
    faults = faults_over(NAME, 0)
    assert faults.short is not None
    assert faults.short.share == pytest.approx(0.4, abs=0.05)
    assert not faults.short.is_short(default_of(setup))
