"""A database that is away is waited for, and what was asked meanwhile is done once."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.exceptions import StorageInternalError
from optuna.trial import TrialState
from sqlalchemy import exc

from autotune.errors import MachineError
from autotune.search.together import TWIN
from autotune.team.patience import MARK, Outage, is_away, made_by, make_patient, own_queue

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage")


def away() -> Exception:
    """What Optuna raises where the connection broke."""
    error = StorageInternalError("commit")
    error.__cause__ = exc.OperationalError("SELECT", {}, Exception("server closed the connection"))
    return error


class Clock:
    """A clock that pauses move on."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def __call__(self) -> float:
        return self.now_s

    def pause(self, seconds: float) -> None:
        self.now_s += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def told() -> list[str]:
    return []


@pytest.fixture
def outage(clock: Clock, told: list[str]) -> Outage:
    return Outage("postgresql://db/t", told.append, limit_s=60, clock=clock, pause=clock.pause)


@pytest.fixture
def storage(tmp_path: Path) -> Iterator[optuna.storages.RDBStorage]:
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    with pytest.warns(optuna.exceptions.ExperimentalWarning):
        made = optuna.storages.RDBStorage(
            f"sqlite:///{tmp_path / 's.db'}", heartbeat_interval=1, grace_period=4
        )
    yield made
    made.remove_session()
    made.engine.dispose()


def breaking(call: Callable[..., Any], *, before: int = 0, after: int = 0) -> Callable[..., Any]:
    """`call`, which fails so many times before it does anything, and then so many times after."""
    left = {"before": before, "after": after}

    def broken(*args: Any, **more: Any) -> Any:
        if left["before"]:
            left["before"] -= 1
            raise away()
        found = call(*args, **more)
        if left["after"]:
            left["after"] -= 1
            raise away()
        return found

    return broken


def test_an_outage_is_told_once_and_its_end_too(outage: Outage, told: list[str]) -> None:
    assert outage.call(breaking(lambda: 7, before=5)) == 7
    assert len(told) == 2
    assert "does not answer" in told[0]
    assert "answers again after" in told[1]
    assert outage.count == 1


def test_waiting_has_an_end_that_says_what_to_do(outage: Outage) -> None:
    with pytest.raises(MachineError, match="server closed the connection") as caught:
        outage.call(breaking(lambda: 7, before=10_000))
    assert "same command" in caught.value.hint


def test_what_was_asked_wrongly_is_not_waited_for(outage: Outage, told: list[str]) -> None:
    def wrong() -> None:
        raise KeyError("no such trial")

    with pytest.raises(KeyError):
        outage.call(wrong)
    assert not told


def test_a_file_that_is_busy_is_waited_for_and_one_that_is_broken_is_not() -> None:
    def of(text: str) -> Exception:
        return exc.OperationalError("SELECT", {}, sqlite3.OperationalError(text))

    assert is_away(of("database is locked"))
    assert not is_away(of("no such table: trials"))


def test_a_trial_whose_creation_was_not_answered_is_one_trial(
    storage: optuna.storages.RDBStorage, outage: Outage
) -> None:
    storage._create_new_trial = breaking(  # type: ignore[method-assign]
        storage._create_new_trial, after=1
    )
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    number = study.ask().number
    trials = study.get_trials()
    counted = [t for t in trials if TWIN not in t.user_attrs]
    assert [t.number for t in counted] == [number]
    assert all(made_by(t) == "w1" for t in trials)


def test_a_second_trial_of_a_broken_call_is_put_aside(
    storage: optuna.storages.RDBStorage, outage: Outage
) -> None:
    create = storage._create_new_trial

    def twice(*args: Any, **more: Any) -> Any:
        if outage.count:
            return create(*args, **more)
        create(*args, **more)
        create(*args, **more)
        raise away()

    storage._create_new_trial = twice  # type: ignore[method-assign]
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    study.enqueue_trial({"x": 1})
    states = {t.state for t in study.get_trials() if TWIN in t.user_attrs}
    waiting = [t for t in study.get_trials() if t.state is TrialState.WAITING]
    assert states == {TrialState.FAIL}
    assert len(waiting) == 1


def test_a_state_whose_setting_was_not_answered_is_set(
    storage: optuna.storages.RDBStorage, outage: Outage
) -> None:
    storage.set_trial_state_values = breaking(  # type: ignore[method-assign]
        storage.set_trial_state_values, after=1
    )
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    trial = study.ask()
    study.tell(trial, 1.5)
    assert [(t.state, t.value) for t in study.get_trials()] == [(TrialState.COMPLETE, 1.5)]


def test_a_finished_trial_is_refused_where_nothing_broke(
    storage: optuna.storages.RDBStorage, outage: Outage
) -> None:
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    trial = study.ask()
    study.tell(trial, 1.5)
    with pytest.raises(optuna.exceptions.UpdateFinishedTrialError):
        storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)


def test_nobody_is_judged_before_one_has_been_connected_as_long_as_that(
    storage: optuna.storages.RDBStorage, outage: Outage, clock: Clock
) -> None:
    storage._get_stale_trial_ids = lambda _: [1]  # type: ignore[method-assign]
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    assert storage._get_stale_trial_ids(study._study_id) == []
    clock.now_s = 10
    assert storage._get_stale_trial_ids(study._study_id) == [1]
    outage.call(breaking(lambda: None, before=1))
    assert storage._get_stale_trial_ids(study._study_id) == []


def test_a_trial_that_never_gave_a_sign_is_lost_after_the_grace(
    storage: optuna.storages.RDBStorage, outage: Outage, clock: Clock
) -> None:
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    silent, living = study.ask(), study.ask()
    storage.record_heartbeat(living._trial_id)
    clock.now_s = 10
    assert storage._get_stale_trial_ids(study._study_id) == []
    clock.now_s = 15
    assert storage._get_stale_trial_ids(study._study_id) == [silent._trial_id]


def test_a_worker_takes_only_what_it_has_put_into_the_queue(
    storage: optuna.storages.RDBStorage, outage: Outage
) -> None:
    make_patient(storage, outage, "w1", 4)
    study = optuna.create_study(storage=storage, study_name="s")
    study.enqueue_trial({"x": 1})
    own_queue(study, "w2")
    assert study.ask().number == 1
    assert [t.system_attrs[MARK].split("/")[0] for t in study.get_trials()] == ["w1", "w1"]


def test_a_heartbeat_never_raises(storage: optuna.storages.RDBStorage, outage: Outage) -> None:
    storage.record_heartbeat = breaking(lambda _: None, before=10_000)  # type: ignore[method-assign]
    make_patient(storage, outage, "w1", 4)
    storage.record_heartbeat(1)
