"""When a worker's search is over, and what it does with those that go on."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest
from optuna.trial import TrialState

from autotune.search.budget import Budget
from autotune.search.home import Course
from autotune.search.ledger import Ledger
from autotune.study.folder import StudyFolder
from autotune.team.lost import Lost
from autotune.team.presence import PROVING, present
from autotune.team.rounds import Rounds
from autotune.team.shared_home import SharedHome
from autotune.team.worker_folder import WorkerFolder

if TYPE_CHECKING:
    from optuna import Study, Trial

pytestmark = [
    pytest.mark.filterwarnings("ignore:Heartbeat of storage"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]
Opened = Callable[[str], "Study"]


@dataclass
class Searching:
    """A course whose search does what it is told, run after run."""

    study: Study
    steps: list[Callable[[], None]]
    stop: threading.Event = field(default_factory=threading.Event)
    budget: Budget = field(default_factory=lambda: Budget(None, 9, lambda: 0.0, 0.0))
    runs: int = 0

    @property
    def search(self) -> Searching:
        return self

    def run(self) -> Ledger:
        self.runs += 1
        if self.steps:
            self.steps.pop(0)()
        return Ledger(self.study.get_trials())


def home_of(stack: ExitStack, study: Study, worker: str) -> SharedHome:
    rounds = Rounds.of(study, worker)
    presence = stack.enter_context(present(study, worker, "host", frozenset({worker})))
    stack.callback(rounds.close)
    mine = WorkerFolder(StudyFolder(Path("nowhere")), (worker,))
    return SharedHome(study, "s", mine, rounds, presence, Lost(rounds, frozenset({worker})))


def done(study: Study, trial: Trial) -> None:
    trial.set_user_attr("outcome", "complete")
    study.tell(trial, 1.0)


def searched(home: SharedHome, course: Searching) -> Ledger:
    return home.searched(cast("Course", course))


def test_alone_it_is_over_when_its_search_is(opened: Opened) -> None:
    study = opened("w1")
    with ExitStack() as stack:
        course = Searching(study, [])
        searched(home_of(stack, study, "w1"), course)
        assert course.runs == 1


def test_it_waits_for_others_and_searches_again_where_they_found_something(
    opened: Opened,
) -> None:
    study, other = opened("w1"), opened("w2")
    with ExitStack() as stack:
        home, theirs = home_of(stack, study, "w1"), home_of(stack, other, "w2")
        trial = other.ask()
        waiting = threading.Event()

        def end() -> None:
            waiting.wait(60)
            done(other, trial)
            theirs.presence.enter(PROVING)

        ending = threading.Thread(target=end)
        ending.start()
        course = Searching(study, [waiting.set])
        ledger = searched(home, course)
        ending.join()
        assert [entry.number for entry in ledger.entries] == [trial.number]
        assert course.runs >= 2


def test_what_a_lost_worker_left_is_searched_for_before_it_ends(opened: Opened) -> None:
    study, dead = opened("w1"), opened("w2")
    dead.enqueue_trial({}, user_attrs={"label": "step: x 2"})
    trial = dead.ask()
    dead._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)

    def retry() -> None:
        study.enqueue_trial({}, user_attrs={"retry_of": trial.number})
        done(study, study.ask())

    with ExitStack() as stack:
        ledger = searched(home_of(stack, study, "w1"), Searching(study, [lambda: None, retry]))
    assert [entry.number for entry in ledger.entries] == [1]


def test_the_user_ends_the_wait(opened: Opened) -> None:
    study, other = opened("w1"), opened("w2")
    with ExitStack() as stack:
        home = home_of(stack, study, "w1")
        home_of(stack, other, "w2")
        course = Searching(study, [])
        course.steps = [course.stop.set]
        searched(home, course)
        assert course.runs == 1


@pytest.mark.parametrize("when", ["while it is measured", "when it is told"])
def test_one_that_was_taken_for_lost_goes_on(opened: Opened, when: str) -> None:
    study, other = opened("w1"), opened("w2")

    def measured(trial: Trial) -> float:
        other._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
        if when == "while it is measured":
            trial.set_user_attr("outcome", "complete")
        return 1.0

    with ExitStack() as stack:
        course = Searching(study, [lambda: study.optimize(measured, n_trials=1)])
        ledger = searched(home_of(stack, study, "w1"), course)
        assert course.runs >= 2
        assert ledger.entries == []


def test_another_error_is_an_error(opened: Opened) -> None:
    study = opened("w1")

    def broken() -> None:
        raise ValueError("something else")

    with ExitStack() as stack, pytest.raises(ValueError, match="something else"):
        searched(home_of(stack, study, "w1"), Searching(study, [broken]))
