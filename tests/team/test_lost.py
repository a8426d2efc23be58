"""What a lost worker had under way is measured once more, by one other worker."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState

from autotune.search.planned import DEFAULT, Planned
from autotune.search.together import TWIN
from autotune.team.lost import Lost
from autotune.team.rounds import Rounds

if TYPE_CHECKING:
    from optuna import Study, Trial

Opened = Callable[[str], "Study"]

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage")


def begun(study: Study, worker: str, label: str = "step: x 2", **attrs: object) -> Trial:
    """A trial that `worker` has under way."""
    study.enqueue_trial({"x": 2}, user_attrs={"label": label, "worker": worker, **attrs})
    trial = study.ask()
    trial.suggest_int("x", 1, 4)
    return trial


def lost_of(study: Study, worker: str, *former: str) -> Lost:
    return Lost(Rounds.of(study, worker), frozenset({worker, *former}))


def failed(study: Study, trial: Trial) -> None:
    study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def test_one_of_several_takes_it_and_keeps_it_until_it_is_begun(opened: Opened) -> None:
    dead, two, three = opened("w1"), opened("w2"), opened("w3")
    trial = begun(dead, "w1")
    failed(dead, trial)
    second, third = lost_of(two, "w2"), lost_of(three, "w3")
    wanted = [Planned({"x": 2}, "step: x 2", retry_of=trial.number)]
    assert second(two) == wanted
    assert second(two) == wanted
    assert third(three) == []
    begun(two, "w2", retry_of=trial.number)
    # Called between two trials: what it began and did not finish is cut short itself by then.
    assert third(three) == []
    second.rounds.close()
    third.rounds.close()


def test_who_takes_it_and_is_lost_before_it_begins_leaves_it(opened: Opened) -> None:
    dead, two, three = opened("w1"), opened("w2"), opened("w3")
    trial = begun(dead, "w1")
    failed(dead, trial)
    second, third = lost_of(two, "w2"), lost_of(three, "w3")
    assert second(two)
    second.rounds.close()
    assert [p.retry_of for p in third(three)] == [trial.number]
    third.rounds.close()


def test_a_trial_is_never_taken_twice(opened: Opened) -> None:
    study = opened("w1")
    trial = begun(study, "w0")
    failed(study, trial)
    again = begun(study, "w0", retry_of=trial.number)
    failed(study, again)
    assert lost_of(study, "w1")(study) == []


@pytest.mark.parametrize("attrs", [{"outcome": "complete"}, {TWIN: 0}, {"label": DEFAULT}])
def test_what_was_measured_or_is_no_one_else_s_is_left(
    opened: Opened, attrs: dict[str, object]
) -> None:
    study = opened("w1")
    trial = begun(study, "w0")
    for name, value in attrs.items():
        trial.set_user_attr(name, value)
    failed(study, trial)
    assert lost_of(study, "w1")(study) == []


def test_what_others_have_under_way_is_theirs(opened: Opened) -> None:
    one, two = opened("w1"), opened("w2")
    begun(one, "w1")
    assert lost_of(two, "w2")(two) == []
    assert [t.state for t in one.get_trials()] == [TrialState.RUNNING]


def test_a_worker_that_is_started_again_takes_its_own_at_once(opened: Opened) -> None:
    study = opened("w1")
    trial = begun(study, "w1")
    taken = lost_of(study, "w1-again", "w1")
    assert [p.retry_of for p in taken(study)] == [trial.number]
    taken.rounds.close()


def test_a_trial_is_known_as_its_maker_s_before_it_says_anything(opened: Opened) -> None:
    study = opened("w1")
    study.enqueue_trial({"x": 3})
    taken = lost_of(study, "w1-again", "w1")
    assert [dict(p.values) for p in taken(study)] == [{"x": 3}]
    taken.rounds.close()
