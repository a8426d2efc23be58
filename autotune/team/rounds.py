"""What exactly one worker does for all: claimed in the database, and taken over when he is lost.

Rounds are trials of a study of their own, ``<name>:rounds``, each with the round's name and what
came of it. A round waits, is claimed by being set running (which succeeds for one worker), lives by
its heartbeat, and is over when it is complete. Of several of one name the lowest number that did
not fail counts: two workers that make it at the same time agree on one.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from autotune.team.shared_study import beside
from autotune.team.signs_of_life import SignsOfLife, fail_lost

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import FrozenTrial

POLL_S = 1.0
"""Between two looks at a round that another worker has."""

ROUND, BY = "round", "by"


def rounds_name(study: str) -> str:
    """The study that holds the rounds of `study`."""
    return f"{study}:rounds"


@dataclass(slots=True)
class Rounds:
    """The rounds of one shared study, as one worker sees them."""

    study: Study
    worker: str
    _held: dict[str, tuple[int, SignsOfLife]] = field(default_factory=dict)

    @classmethod
    def of(cls, study: Study, worker: str) -> Rounds:
        """The rounds beside `study`."""
        return cls(beside(study, rounds_name(study.study_name)), worker)

    def note(self, name: str, facts: Mapping[str, Any]) -> dict[str, Any]:
        """Facts that the first worker writes and every one reads: the first's."""
        found = self._standing(name)
        if found is None:
            self._enqueue(name, facts)
            found = self._standing(name)
        assert found is not None
        return dict(found.user_attrs)

    def noted(self, name: str) -> dict[str, Any] | None:
        """What `note` says of `name`; ``None`` before the first worker has written it."""
        found = self._standing(name)
        return None if found is None else dict(found.user_attrs)

    def result(self, name: str) -> dict[str, Any] | None:
        """What came of a round that is over; ``None`` before."""
        from optuna.trial import TrialState

        found = self._standing(name)
        over = found is not None and found.state is TrialState.COMPLETE
        return dict(found.user_attrs) if over and found is not None else None

    def is_claimed(self, name: str) -> bool:
        """Whether a worker who is alive has it."""
        from optuna.trial import TrialState

        fail_lost(self.study)
        found = self._standing(name)
        return found is not None and found.state is TrialState.RUNNING

    def claim(self, name: str) -> bool:
        """Whether this worker is the one that does it: nobody had it, or who had it is lost."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        fail_lost(self.study)
        found = self._standing(name)
        if found is None:
            self._enqueue(name, {})
            found = self._standing(name)
        if found is None or found.state is not TrialState.WAITING:
            return False
        trial_id, storage = found._trial_id, self.study._storage
        try:
            if not storage.set_trial_state_values(trial_id, TrialState.RUNNING):
                return False
            storage.set_trial_user_attr(trial_id, BY, self.worker)
        except UpdateFinishedTrialError:
            return False
        self._held[name] = (trial_id, SignsOfLife.begin(storage, trial_id))
        return True

    def complete(self, name: str, facts: Mapping[str, Any] | None = None) -> bool:
        """The round that this worker claimed is over, and what came of it.

        False when it was taken over meanwhile: this worker was taken for lost.
        """
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        trial_id, life = self._held.pop(name)
        storage = self.study._storage
        try:
            for key, value in (facts or {}).items():
                storage.set_trial_user_attr(trial_id, key, value)
            return storage.set_trial_state_values(trial_id, TrialState.COMPLETE, [0.0])
        except UpdateFinishedTrialError:
            return False
        finally:
            life.end()

    def give_up(self, name: str) -> None:
        """Leave a round that this worker claimed to another one."""
        from optuna.exceptions import UpdateFinishedTrialError
        from optuna.trial import TrialState

        trial_id, life = self._held.pop(name)
        try:
            self.study._storage.set_trial_state_values(trial_id, TrialState.FAIL)
        except UpdateFinishedTrialError:
            return
        finally:
            life.end()

    def last_by(self, start: str) -> str:
        """Who brought the latest round to its end whose name begins with `start`; else empty."""
        from optuna.trial import TrialState

        over = self.study.get_trials(deepcopy=False, states=(TrialState.COMPLETE,))
        named = [t for t in over if str(t.user_attrs.get(ROUND, "")).startswith(start)]
        last = max(named, key=lambda t: str(t.user_attrs[ROUND]), default=None)
        return "" if last is None else str(last.user_attrs[BY])

    def close(self) -> None:
        """Leave whatever this worker still has."""
        for name in list(self._held):
            self.give_up(name)

    def held(self) -> list[str]:
        """What this worker has."""
        return list(self._held)

    def _enqueue(self, name: str, facts: Mapping[str, Any]) -> None:
        self.study.enqueue_trial({}, user_attrs={**facts, ROUND: name, "noted_by": self.worker})

    def _standing(self, name: str) -> FrozenTrial | None:
        """The one that counts of this name."""
        from optuna.trial import TrialState

        trials = self.study.get_trials(deepcopy=False)
        named = (t for t in trials if t.user_attrs.get(ROUND) == name)
        return next((t for t in named if t.state is not TrialState.FAIL), None)


def wait_until(
    condition: Callable[[], bool], stop: threading.Event, poll_s: float = POLL_S
) -> bool:
    """Whether `condition` came to hold; false when the user stopped the run before."""
    while not condition():
        if stop.wait(poll_s):
            return False
    return True
