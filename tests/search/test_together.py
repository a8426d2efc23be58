"""Workers of hosts of different speed, and what others have under way."""

from __future__ import annotations

from typing import Any

import optuna
import pytest
from formula import SPACE
from optuna.trial import FrozenTrial, TrialState, create_trial

from autotune.errors import MachineError
from autotune.search.judge import Judged
from autotune.search.ledger import COMPLETE, INFEASIBLE, Ledger
from autotune.search.member import ALONE, Member
from autotune.search.planned import DEFAULT
from autotune.search.space import Space
from autotune.search.together import TWIN, Others, TakenError, news

ME = Member(worker="me")


@pytest.fixture
def space() -> Space:
    return SPACE


def trial(number: int, **attrs: Any) -> FrozenTrial:
    outcome = attrs.get("outcome")
    state = TrialState.COMPLETE if outcome == COMPLETE else TrialState.RUNNING
    made = create_trial(
        state=state,
        value=attrs.get("value") if outcome == COMPLETE else None,
        user_attrs={"key": f"k{number}", "settings": {}, **attrs},
    )
    made.number = number
    return made


def whole(number: int, worker: str, raw: float, label: str = "step: x 1") -> FrozenTrial:
    return trial(number, worker=worker, raw_value=raw, value=raw, label=label, outcome=COMPLETE)


def others(space: Space, member: Member = ME) -> Others:
    return Others(optuna.create_study(), member, space)


def test_values_are_what_they_would_be_on_the_host_of_the_first_default() -> None:
    ledger = Ledger(
        [
            whole(0, "fast", 2.0, DEFAULT),
            whole(1, "slow", 4.0, DEFAULT),
            whole(2, "slow", 3.0),
            whole(3, "fast", 1.6),
        ]
    )
    assert [entry.value for entry in ledger.entries] == [2.0, 2.0, 1.5, 1.6]
    assert ledger.best is not None
    assert ledger.best.number == 2
    assert [e.number for e in ledger.of_worker("slow").entries] == [1, 2]
    assert ledger.of_worker("") is ledger


def test_a_value_is_compared_as_it_is_measured_and_the_raw_one_kept(space: Space) -> None:
    ledger = Ledger([whole(0, "fast", 2.0, DEFAULT), whole(1, "me", 4.0, DEFAULT)])
    judged = Judged(None, 3.0, None, None)
    assert others(space).compared(judged, "x", ledger)[0].value == 1.5
    assert others(space).compared(judged, "x", ledger)[1] == {"raw_value": 3.0}
    estimate = Judged(None, 3.0, None, None, partial=True)
    assert others(space).compared(estimate, "x", ledger) == (estimate, {})
    assert others(space, ALONE).compared(judged, "x", Ledger()) == (judged, {})


def test_a_worker_s_own_default_is_worth_the_reference(space: Space) -> None:
    ledger = Ledger([whole(0, "fast", 2.0, DEFAULT)])
    found, raw = others(space).compared(Judged(None, 5.0, None, None), DEFAULT, ledger)
    assert (found.value, raw) == (2.0, {"raw_value": 5.0})


def test_the_default_comes_first_on_every_host(space: Space) -> None:
    ledger = Ledger([whole(0, "fast", 2.0, DEFAULT)])
    planned = others(space).own_default(ledger)
    assert planned is not None
    assert planned.label == DEFAULT
    assert others(space, ALONE).own_default(ledger) is None
    measured = Ledger([whole(0, "me", 2.0, DEFAULT)])
    assert others(space).own_default(measured) is None


def test_a_host_on_which_the_default_does_not_run_says_so(space: Space) -> None:
    first = whole(0, "fast", 2.0, DEFAULT)
    own = trial(1, worker="me", label=DEFAULT, outcome=INFEASIBLE, key="k0", reason="no memory")
    with pytest.raises(MachineError, match="no memory"):
        others(space).own_default(Ledger([first, own]))


def test_what_is_under_way_counts_as_tried_without_a_value(space: Space) -> None:
    running = trial(1, worker="other", label="step: x 2")
    beside = others(space).beside(Ledger(), [running])
    assert [(e.label, e.value) for e in beside.entries] == [("step: x 2", None)]
    assert beside.measured == []
    assert beside.ranked == []
    assert others(space, ALONE).beside(Ledger(), [running]).entries == []


def test_of_two_that_chose_the_same_the_later_one_yields(space: Space) -> None:
    study = optuna.create_study()
    first, second = study.ask(), study.ask()
    mine = Others(study, ME, space)
    for each in (first, second):
        each.set_user_attr("key", "k")
    mine.yield_to(first, "k")
    with pytest.raises(TakenError):
        mine.yield_to(second, "k")
    assert study.trials[1].user_attrs[TWIN] == 0
    assert mine.pending() == 2


def test_a_second_look_is_everyone_s(space: Space) -> None:
    study = optuna.create_study()
    first, second = study.ask(), study.ask()
    first.set_user_attr("key", "k")
    second.set_user_attr("label", "again: trial-0000")
    Others(study, ME, space).yield_to(second, "k")


def test_news_are_told_once() -> None:
    ledger, known = Ledger([whole(0, "a", 1.0)]), set[int]()
    assert [e.number for e in news(ledger.entries, known)] == [0]
    assert news(ledger.entries, known) == []
