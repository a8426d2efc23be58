"""Trials that lost workers left: run once more, by exactly one other worker.

A trial that was cut short has failed in Optuna's eyes and has no outcome. Who takes it claims the
round ``retry-0007`` and measures it as a trial of its own (``retry_of``); once that trial is there,
nobody takes it again. One that is cut short a second time is left: it may be what its workers were
lost by.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.search.planned import DEFAULT, Planned
from autotune.search.queue import parameters_of
from autotune.search.together import TWIN
from autotune.team.patience import made_by
from autotune.team.rounds import Rounds
from autotune.team.signs_of_life import fail_lost

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

RETRY = "retry-"


@dataclass(frozen=True, slots=True)
class Lost:
    """What this worker takes over. `names` are those of this worker and of former ones of its
    folder: between two trials none of theirs can be under way."""

    rounds: Rounds
    names: frozenset[str]

    def __call__(self, study: Study) -> list[Planned]:
        """The trials that this worker is to measure once more; call it between two trials."""
        fail_lost(study)
        for trial in _under_way(study):
            if _owner(trial) in self.names:
                _fail(study, trial)
        trials = study.get_trials(deepcopy=False)
        retried = {t.user_attrs["retry_of"] for t in trials if "retry_of" in t.user_attrs}
        for name in self.rounds.held():
            if name.startswith(RETRY) and int(name.removeprefix(RETRY)) in retried:
                self.rounds.complete(name)
        waiting = [t for t in trials if is_cut_short(t) and t.number not in retried]
        return [_planned(trial) for trial in waiting if self._takes(trial.number)]

    def _takes(self, number: int) -> bool:
        name = f"{RETRY}{number:04d}"
        return name in self.rounds.held() or self.rounds.claim(name)


def is_cut_short(trial: FrozenTrial) -> bool:
    """Whether it is to be measured once more.

    A default is not: it says how fast the host of its own worker was.
    """
    from optuna.trial import TrialState

    attrs = trial.user_attrs
    known = {"outcome", "retry_of", TWIN} & set(attrs)
    return trial.state is TrialState.FAIL and not known and attrs.get("label") != DEFAULT


def _under_way(study: Study) -> list[FrozenTrial]:
    from optuna.trial import TrialState

    return study.get_trials(deepcopy=False, states=(TrialState.RUNNING, TrialState.WAITING))


def _owner(trial: FrozenTrial) -> str:
    """Who measures it; while it says nothing of that, who made it."""
    return str(trial.user_attrs.get("worker", made_by(trial)))


def _fail(study: Study, trial: FrozenTrial) -> None:
    from optuna.exceptions import UpdateFinishedTrialError
    from optuna.trial import TrialState

    try:
        study._storage.set_trial_state_values(trial._trial_id, TrialState.FAIL)
    except UpdateFinishedTrialError:
        return


def _planned(trial: FrozenTrial) -> Planned:
    label = str(trial.user_attrs.get("label", ""))
    return Planned(parameters_of(trial), label, retry_of=trial.number)
