"""What is tried first, and what a kill left undone."""

from __future__ import annotations

import warnings

import optuna
import pytest

from autotune.search.ledger import COMPLETE, INFEASIBLE, Entry, Ledger
from autotune.search.queue import COMBINED, Planned, combination, interrupted_trials, next_planned
from autotune.search.space import Parameter, Space, Start

A = Parameter("a", (1, 2), 1, "x")
B = Parameter("b", (1, 2), 1, "x")
C = Parameter("c", (1, 2), 1, "x", requires={"a": (2,)})
SPACE = Space(
    "e",
    (A, B, C),
    starts=(Start("first", "why", {"a": 2, "c": 2}), Start("second", "why", {"b": 2})),
)


def entry(number: int, label: str, value: float | None) -> Entry:
    outcome = INFEASIBLE if value is None else COMPLETE
    return Entry(number, f"k{number}", outcome, value, label, {}, {}, {}, 1.0, None, None)


def ledger(*entries: Entry) -> Ledger:
    made = Ledger()
    for one in entries:
        made.add(one)
    return made


def test_the_order_is_default_incumbent_starts_union_sampler() -> None:
    labels = []
    known: list[Entry] = []
    values = {"default": 2.0, "incumbent": 1.9, "first": 1.5, "second": 1.6, COMBINED: 1.2}
    while (planned := next_planned(ledger(*known), SPACE, {"b": 2}, ())) is not None:
        labels.append((planned.label, dict(planned.values)))
        known.append(entry(len(known), planned.label, values[planned.label]))
    assert labels == [
        ("default", {"a": 1, "b": 1}),
        ("incumbent", {"a": 1, "b": 2}),
        ("first", {"a": 2, "b": 1, "c": 2}),
        ("second", {"a": 1, "b": 2}),
        (COMBINED, {"a": 2, "b": 2, "c": 2}),
    ]


def test_trials_cut_short_go_before_everything() -> None:
    cut = Planned({"a": 2}, "", retry_of=3)
    assert next_planned(ledger(), SPACE, None, [cut]) is cut


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (1.5, 1.6, {"a": 2, "b": 2, "c": 2}),
        (1.5, 2.5, None),
        (None, 1.5, None),
    ],
)
def test_the_union_takes_only_starts_that_beat_the_default(
    first: float | None, second: float | None, expected: dict[str, int] | None
) -> None:
    known = ledger(entry(0, "default", 2.0), entry(1, "first", first), entry(2, "second", second))
    assert combination(known, SPACE) == expected


def test_of_two_starts_that_set_the_same_flag_the_better_decides() -> None:
    space = Space("e", (A,), starts=(Start("x", "", {"a": 1}), Start("y", "", {"a": 2})))
    known = ledger(entry(0, "default", 9.0), entry(1, "x", 3.0), entry(2, "y", 2.0))
    assert combination(known, space) == {"a": 2}


def test_a_start_that_lost_alone_is_tried_on_top_of_those_that_won() -> None:
    known = [entry(0, "default", 2.0), entry(1, "first", 1.5), entry(2, "second", 2.5)]
    planned = next_planned(ledger(*known), SPACE, None, ())
    assert planned is not None
    assert planned.label == "second, with the best"
    assert planned.values == {"a": 2, "b": 2, "c": 2}
    known.append(entry(3, planned.label, 1.4))
    assert next_planned(ledger(*known), SPACE, None, ()) is None


def test_without_a_winner_there_is_nothing_to_build_on() -> None:
    known = [entry(0, "default", 1.0), entry(1, "first", 1.5), entry(2, "second", None)]
    assert next_planned(ledger(*known), SPACE, None, ()) is None


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
