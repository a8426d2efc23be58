"""What is tried first, and what a kill left undone."""

from __future__ import annotations

import math
import warnings

import optuna
import pytest
from entries import SPACE, entry, ledger

from autotune.candidate import Setting
from autotune.search.feasibility import Feasibility, Limits
from autotune.search.known import Known
from autotune.search.ledger import STOPPED, Entry, Ledger
from autotune.search.policies import POLICIES, STEPS_A_DRAW
from autotune.search.queue import STEADY_STOPS_A_LOOK, Planned, Queue, interrupted_trials
from autotune.search.space import Parameter, Space


def following(
    known: Ledger,
    space: Space = SPACE,
    incumbent: dict[str, Setting] | None = None,
    floor: float = math.inf,
) -> Planned | None:
    feasibility = Feasibility(space, None, Limits(None, None), gpu=False)
    all_known = Known(
        ledger=known, space=space, feasibility=feasibility, incumbent=incumbent, floor=floor
    )
    return Queue(all_known, POLICIES["steps"]).next()


def test_the_order_is_default_incumbent_and_starts_laid_over_the_best() -> None:
    rows = []
    known: list[Entry] = []
    for value in (2.0, 1.9, 1.5, 1.6):
        planned = following(ledger(*known), incumbent={"b": 2})
        assert planned is not None
        rows.append((planned.label, dict(planned.values)))
        known.append(entry(len(known), planned.label, value, dict(planned.values)))
    assert rows == [
        ("default", {"a": 1, "b": 1}),
        ("incumbent", {"a": 1, "b": 2}),
        ("first", {"a": 2, "b": 2, "c": 2}),
        ("second", {"a": 2, "b": 2, "c": 2}),
    ]


def test_a_start_that_lost_is_not_built_upon() -> None:
    known = [
        entry(0, "default", 2.0, {"a": 1, "b": 1}),
        entry(1, "first", 2.5, {"a": 2, "b": 1, "c": 2}),
    ]
    planned = following(ledger(*known))
    assert planned is not None
    assert (planned.label, dict(planned.values)) == ("second", {"a": 1, "b": 2})


def test_neither_a_failure_nor_an_estimate_is_built_upon() -> None:
    known = [
        entry(0, "default", 2.0, {"a": 1, "b": 1}),
        entry(1, "first", 2.1, {"a": 2, "b": 1, "c": 2}, outcome=STOPPED),
    ]
    planned = following(ledger(*known))
    assert planned is not None
    assert dict(planned.values) == {"a": 1, "b": 2}
    planned = following(ledger(known[0], entry(1, "first", None, {"a": 2, "b": 1, "c": 2})))
    assert planned is not None
    assert dict(planned.values) == {"a": 1, "b": 2}


WIDE = Space("e", tuple(Parameter(name, (1, 2, 3), 1, "x") for name in "abcdef"))


def test_after_the_starts_steps_and_draws_take_turns() -> None:
    known = [entry(0, "default", 2.0, WIDE.defaults)]
    kinds = ""
    for number in range(1, 2 * STEPS_A_DRAW + 3):
        planned = following(ledger(*known), WIDE)
        kinds += "d" if planned is None else "s"
        label = "" if planned is None else planned.label
        known.append(entry(number, label, 3.0, {"a": number}))
    assert kinds == ("s" * STEPS_A_DRAW + "d") * 2


def stops(*guesses: float, best: float = 1.0) -> list[Entry]:
    """The default, worth `best`, and trials that it stopped with these guesses."""
    rows = [entry(0, "default", best, WIDE.defaults, space=WIDE)]
    for number, guess in enumerate(guesses, 1):
        values = {**WIDE.defaults, "f": number + 10}
        rows.append(entry(number, "step: x", guess, values, STOPPED, WIDE))
    return rows


def labels(known: list[Entry], floor: float = math.inf) -> str | None:
    planned = following(ledger(*known), WIDE, floor=floor)
    return None if planned is None else planned.label


def test_a_best_one_that_stopped_three_is_looked_at_again_and_after_six_more_once_more() -> None:
    again = "again: trial-0000"
    assert labels(stops(1.2, 1.3)) != again
    assert labels(stops(1.2, 1.3, 1.4)) == again
    looked = [*stops(1.2, 1.3, 1.4), entry(9, again, 1.02, WIDE.defaults, space=WIDE)]
    assert labels(looked) != again
    assert labels([*looked, *stops(1.2, 1.3, 1.4, 1.5, 1.6)[1:]]) != again
    assert labels([*looked, *stops(1.2, 1.3, 1.4, 1.5, 1.6, 1.7)[1:]]) == again


def test_where_two_runs_hardly_differ_more_are_stopped_before_the_best_one_is_looked_at() -> None:
    again, floor = "again: trial-0000", math.log(1.05)
    assert labels(stops(*[1.04] * (STEADY_STOPS_A_LOOK - 1)), floor) != again
    assert labels(stops(*[1.04] * STEADY_STOPS_A_LOOK), floor) == again
    assert labels(stops(*[1.06] * 20), floor) != again  # no luck is as great as that


def test_one_that_was_stopped_for_being_no_better_is_not_looked_at_when_the_best_one_is_worse() -> (
    None
):
    # 1.0 and 1.01: worth 1.005. What was stopped at 1.0 would gain half a percent.
    known = [*stops(1.0, 1.0, 1.0), entry(9, "again: trial-0000", 1.01, WIDE.defaults, space=WIDE)]
    assert not str(labels(known)).startswith("again")


def test_a_lucky_best_one_gives_those_it_stopped_a_second_look_the_nearest_first() -> None:
    # Once measured at 1.0 and once at 1.5 it is worth 1.25: guesses of 1.2 and 1.1 were better.
    known = [*stops(1.2, 1.3, 1.1), entry(9, "again: trial-0000", 1.5, WIDE.defaults, space=WIDE)]
    assert labels(known) == "again: trial-0003"
    known.append(entry(10, "again: trial-0003", 1.4, dict(known[3].values), STOPPED, WIDE))
    assert labels(known) == "again: trial-0001"
    known.append(entry(11, "again: trial-0001", 1.15, dict(known[1].values), space=WIDE))
    assert ledger(*known).best == known[-1]
    # Now 1.15 is the best, and no guess is below it.
    assert not str(labels(known)).startswith("again")


def test_without_anything_measured_there_is_nowhere_to_step_from() -> None:
    assert following(ledger(entry(0, "default", None, WIDE.defaults)), WIDE) is None


@pytest.fixture
def study() -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))


def test_a_running_trial_without_an_outcome_is_failed_and_queued_as_it_was(
    study: optuna.Study,
) -> None:
    study.enqueue_trial({"a": 2, "c": 1}, user_attrs={"label": "first"})
    trial = study.ask()
    trial.suggest_categorical("a", [1, 2])
    again = interrupted_trials(study)
    assert again == [Planned({"a": 2, "c": 1}, "first", retry_of=0)]
    assert study.trials[0].state is optuna.trial.TrialState.FAIL


def test_a_trial_that_was_retried_is_not_retried_twice(study: optuna.Study) -> None:
    study.ask()
    assert [p.retry_of for p in interrupted_trials(study)] == [0]
    study.enqueue_trial({}, user_attrs={"retry_of": 0})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        retry = study.ask()
    retry.set_user_attr("outcome", "complete")
    retry.set_user_attr("value", 1.5)
    assert interrupted_trials(study) == []
    # It died between its outcome and the telling of it: it is told now, not measured again.
    assert study.trials[1].value == 1.5
