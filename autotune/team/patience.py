"""A storage whose database may go away for a while: calls wait for it and are made once more.

What was asked when the connection broke may have been done or not. Most calls can simply be made
again. Two cannot: a trial that is created carries a mark by which it is found, and a state that
was set is looked at.
"""

from __future__ import annotations

import sqlite3
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from autotune.errors import MachineError
from autotune.search.together import TWIN

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial, TrialState

T = TypeVar("T")

LIMIT_S = 600.0
"""How long a worker waits for the database before it gives up; its study can be gone on with."""

FIRST_S, MOST_S = 0.25, 5.0
"""Between two attempts to reach it."""

MARK = "autotune:mark"
"""The system attribute that tells trials apart that were created by the same call."""

_AGAIN = (
    "create_new_study", "set_study_user_attr", "set_study_system_attr", "get_study_id_from_name",
    "get_study_name_from_id", "get_study_directions", "get_study_user_attrs",
    "get_study_system_attrs", "get_all_studies", "_set_trial_param",
    "get_trial_id_from_study_id_trial_number", "_get_best_trial_id", "get_trial",
    "set_trial_intermediate_value", "set_trial_user_attr", "set_trial_system_attr", "_get_trials",
)  # fmt: skip
"""Calls of Optuna's that come to the same when they are made twice."""


@dataclass(slots=True)
class Outage:
    """Whether the database answers, and since when. Shared by all threads of a worker.

    `told` hears one line when it is gone and one when it is back. `place` is its address.
    """

    place: str
    told: Callable[[str], None]
    limit_s: float = LIMIT_S
    clock: Callable[[], float] = time.monotonic
    pause: Callable[[float], None] = time.sleep
    connected_since_s: float = field(init=False)
    count: int = 0
    _gone_s: float | None = None
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.connected_since_s = self.clock()

    def connected_s(self) -> float:
        """For how long every call was answered."""
        return 0.0 if self._gone_s is not None else self.clock() - self.connected_since_s

    def call(self, ask: Callable[[], T]) -> T:
        """What `ask` gives, once the database answers.

        Raises `MachineError` when it does not in `limit_s` seconds.
        """
        wait_s = FIRST_S
        while True:
            try:
                found = ask()
            except Exception as error:
                if not is_away(error):
                    raise
                self._lost(error)
                self.pause(wait_s)
                wait_s = min(2 * wait_s, MOST_S)
            else:
                self._found()
                return found

    def _lost(self, error: Exception) -> None:
        with self._lock:
            if self._gone_s is None:
                self._gone_s = self.clock()
                self.count += 1
                limit = f"{self.limit_s / 60:.0f} minutes at most"
                self.told(f"{self.place} does not answer: waiting for it, {limit}")
            elif self.clock() - self._gone_s > self.limit_s:
                raise gone(self.place, error) from None

    def _found(self) -> None:
        if self._gone_s is None:
            return
        with self._lock:
            if self._gone_s is not None:
                seconds = self.clock() - self._gone_s
                self._gone_s, self.connected_since_s = None, self.clock()
                self.told(f"{self.place} answers again after {seconds:.0f} s")


def gone(place: str, error: BaseException) -> MachineError:
    """The database does not answer, and why, in a line."""
    return MachineError(
        f"{place} does not answer: {reason_of(error)}",
        "start it again, then the same command: it goes on where it stopped",
    )


def reason_of(error: BaseException) -> str:
    """The last line of what the database's own library says; it holds no password."""
    cause = error.__cause__ or error
    text = str(getattr(cause, "orig", None) or cause).strip()
    return text.splitlines()[-1].strip() if text else type(cause).__name__


def is_away(error: BaseException) -> bool:
    """Whether a call failed as the database cannot be reached, or is busy; not by what was asked.

    Optuna wraps what SQLAlchemy says in a ``StorageInternalError``.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy import exc

    cause = error.__cause__ if isinstance(error, StorageInternalError) else error
    if isinstance(cause, exc.DBAPIError) and isinstance(cause.orig, sqlite3.Error):
        return "locked" in str(cause.orig)
    return isinstance(cause, exc.OperationalError | exc.InterfaceError | exc.PendingRollbackError)


def make_patient(storage: RDBStorage, outage: Outage, worker: str, grace_s: float) -> None:
    """Let `storage` wait for its database, and mark what it creates as `worker`'s.

    A worker judges another one to be lost only after it has itself been connected for longer than
    `grace_s` without a break: while the database is away nobody can say that he lives.
    """
    for name in _AGAIN:
        setattr(storage, name, _again(getattr(storage, name), outage))
    calls = _Calls(storage, outage, worker, grace_s)
    calls.create, storage._create_new_trial = storage._create_new_trial, calls.created  # type: ignore[method-assign]
    calls.state, storage.set_trial_state_values = storage.set_trial_state_values, calls.stated  # type: ignore[method-assign]
    calls.beat, storage.record_heartbeat = storage.record_heartbeat, calls.beaten  # type: ignore[method-assign]
    calls.stale, storage._get_stale_trial_ids = storage._get_stale_trial_ids, calls.silent  # type: ignore[method-assign]


def own_queue(study: Study, worker: str) -> None:
    """Let `study` take from its queue only what `worker` put there.

    Optuna gives whoever asks the first trial that waits; what a worker plans is for its own host.
    """
    from optuna.trial import TrialState

    storage = study._storage
    every = storage.get_all_trials

    def own(study_id: int, deepcopy: bool = True, states: Any = None) -> list[FrozenTrial]:
        trials = every(study_id, deepcopy=deepcopy, states=states)
        if states != (TrialState.WAITING,):
            return trials
        return [t for t in trials if made_by(t) == worker]

    storage.get_all_trials = own  # type: ignore[method-assign]


def made_by(trial: FrozenTrial) -> str:
    """The worker that created `trial`; empty where it is not known."""
    return str(trial.system_attrs.get(MARK, "")).rpartition("/")[0]


def _again(call: Callable[..., T], outage: Outage) -> Callable[..., T]:
    def patient(*args: Any, **more: Any) -> T:
        return outage.call(lambda: call(*args, **more))

    return patient


@dataclass(slots=True)
class _Calls:
    """The calls of a storage that must not simply be made twice."""

    storage: RDBStorage
    outage: Outage
    worker: str
    grace_s: float
    create: Callable[..., FrozenTrial] = field(init=False)
    state: Callable[..., bool] = field(init=False)
    beat: Callable[[int], None] = field(init=False)
    stale: Callable[[int], list[int]] = field(init=False)
    _unheard: dict[int, float] = field(default_factory=dict)

    def created(self, study_id: int, template_trial: FrozenTrial | None = None) -> FrozenTrial:
        """A new trial, one whatever breaks: what else the call left is marked and failed."""
        mark, before = f"{self.worker}/{uuid.uuid4().hex}", self.outage.count
        marked = _marked(template_trial, mark)

        def ask() -> FrozenTrial:
            known = self._of_mark(study_id, mark) if self.outage.count > before else []
            return known[0] if known else self.create(study_id, marked)

        made = self.outage.call(ask)
        if self.outage.count > before:
            for twin in self._of_mark(study_id, mark):
                if twin._trial_id != made._trial_id:
                    self._put_aside(twin, made.number)
        return made

    def _of_mark(self, study_id: int, mark: str) -> list[FrozenTrial]:
        trials = self.storage.get_all_trials(study_id, deepcopy=False)
        return [t for t in trials if t.system_attrs.get(MARK) == mark]

    def _put_aside(self, twin: FrozenTrial, number: int) -> None:
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        try:
            self.storage.set_trial_user_attr(twin._trial_id, TWIN, number)
            self.storage.set_trial_state_values(twin._trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return

    def stated(self, trial_id: int, state: TrialState, values: Any = None) -> bool:
        """Whether the state was set by this call, also where its answer was lost."""
        from optuna.exceptions import UpdateFinishedTrialError

        before = self.outage.count
        try:
            return self.outage.call(lambda: self.state(trial_id, state=state, values=values))
        except UpdateFinishedTrialError:
            if self.outage.count > before and self.storage.get_trial(trial_id).state is state:
                return True
            raise

    def beaten(self, trial_id: int) -> None:
        """A heartbeat. Runs in a thread of Optuna's: who gives up is the one that searches."""
        try:
            self.outage.call(lambda: self.beat(trial_id))
        except MachineError:
            return

    def silent(self, study_id: int) -> list[int]:
        """Running trials whose worker is lost.

        Besides those whose heartbeat stopped, those that had none for as long as this worker has
        known them: their worker was lost before the first.
        """
        # Another one may try to reach a database that is back only every `MOST_S`.
        if self.outage.connected_s() < self.grace_s + MOST_S:
            return []
        stopped = self.outage.call(lambda: self.stale(study_id))
        return sorted({*stopped, *self._never_heard(study_id)})

    def _never_heard(self, study_id: int) -> list[int]:
        now_s = self.outage.clock()
        unheard = self.outage.call(lambda: _without_heartbeat(self.storage, study_id))
        self._unheard = {trial_id: self._unheard.get(trial_id, now_s) for trial_id in unheard}
        return [one for one, since in self._unheard.items() if now_s - since > self.grace_s]


def _marked(template: FrozenTrial | None, mark: str) -> FrozenTrial:
    from optuna.trial import TrialState, create_trial

    if template is None:
        return create_trial(state=TrialState.RUNNING, system_attrs={MARK: mark})
    template.system_attrs = {**template.system_attrs, MARK: mark}
    return template


def _without_heartbeat(storage: RDBStorage, study_id: int) -> list[int]:
    """Running trials that no worker ever gave a sign of life for."""
    from optuna.storages._rdb.models import TrialHeartbeatModel, TrialModel
    from optuna.trial import TrialState

    session = storage.scoped_session()
    try:
        rows = (
            session.query(TrialModel.trial_id)
            .outerjoin(TrialHeartbeatModel, TrialHeartbeatModel.trial_id == TrialModel.trial_id)
            .filter(TrialModel.study_id == study_id)
            .filter(TrialModel.state == TrialState.RUNNING)
            .filter(TrialHeartbeatModel.trial_id.is_(None))
        )
        return [int(row[0]) for row in rows]
    finally:
        session.close()
