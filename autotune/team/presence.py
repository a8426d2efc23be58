"""Who works on a shared study at the moment, on which host, and whether he still searches."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.team.shared_study import beside
from autotune.team.signs_of_life import SignsOfLife, fail_lost

if TYPE_CHECKING:
    from optuna import Study

WORKER, HOST, PHASE = "worker", "host", "phase"
SEARCHING, PROVING = "searching", "proving"


def presence_name(study: str) -> str:
    """The study whose running trials are the workers of `study`."""
    return f"{study}:workers"


@dataclass(frozen=True, slots=True)
class Present:
    """A worker who is alive."""

    worker: str
    host: str
    phase: str


@dataclass(slots=True)
class Presence:
    """This worker among the others, for as long as it works."""

    study: Study
    trial_id: int
    worker: str
    host: str

    def others(self) -> list[Present]:
        """Everybody else who is alive."""
        from optuna.trial import TrialState

        fail_lost(self.study)
        running = self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,))
        rows = [t.user_attrs for t in running if t._trial_id != self.trial_id]
        return [Present(r[WORKER], r[HOST], r.get(PHASE, SEARCHING)) for r in rows if WORKER in r]

    def enter(self, phase: str) -> None:
        """Say what this worker does from now on."""
        self._say(phase)

    def searching(self) -> list[Present]:
        """Others who may still begin a trial."""
        return [one for one in self.others() if one.phase == SEARCHING]

    def elsewhere(self, host: str) -> list[Present]:
        """Others on another host than `host`."""
        return [one for one in self.others() if one.host != host]

    def _say(self, phase: str) -> None:
        from optuna.exceptions import UpdateFinishedTrialError

        try:
            self.study._storage.set_trial_user_attr(self.trial_id, PHASE, phase)
        except UpdateFinishedTrialError:
            # Taken for lost while its database could not be reached: it is here again.
            self.trial_id = _enrol(self.study, self.worker, self.host, phase)


def _enrol(study: Study, worker: str, host: str, phase: str) -> int:
    from optuna.trial import TrialState, create_trial

    facts = {WORKER: worker, HOST: host, PHASE: phase}
    template = create_trial(state=TrialState.RUNNING, user_attrs=facts)
    return study._storage.create_new_trial(study._study_id, template)


@contextmanager
def present(study: Study, worker: str, host: str, former: frozenset[str]) -> Iterator[Presence]:
    """Work on `study` until the block ends.

    `former` are names under which nobody can be alive: workers of this worker's folder, whose lock
    it holds.
    """
    from optuna.trial import TrialState

    among = beside(study, presence_name(study.study_name))
    for trial in among.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
        if trial.user_attrs.get(WORKER) in former:
            _leave(among, trial._trial_id)
    found = Presence(among, _enrol(among, worker, host, SEARCHING), worker, host)
    life = SignsOfLife.begin(among._storage, found.trial_id)
    try:
        yield found
    finally:
        life.end()
        _leave(among, found.trial_id)


def _leave(among: Study, trial_id: int) -> None:
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        among._storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.0])
    except UpdateFinishedTrialError:
        return
