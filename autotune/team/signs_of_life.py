"""Heartbeats of what a worker has under way, and what becomes of those that stop."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from optuna import Study
    from optuna.storages import BaseStorage
    from optuna.storages._heartbeat import BaseHeartbeatThread


@dataclass(frozen=True, slots=True)
class SignsOfLife:
    """The heartbeat of a trial that is not run by ``study.optimize``, until `end`."""

    thread: BaseHeartbeatThread

    @classmethod
    def begin(cls, storage: BaseStorage, trial_id: int) -> SignsOfLife:
        """From now on `trial_id` lives."""
        from optuna.storages._heartbeat import get_heartbeat_thread

        thread = get_heartbeat_thread(trial_id, storage)
        thread.start()
        return cls(thread)

    def end(self) -> None:
        """No more heartbeats; returns when the last one is through."""
        self.thread.join()


def fail_lost(study: Study) -> None:
    """Fail running trials of `study` whose worker is lost, each by one worker.

    One that has its outcome was measured; it counts by that, however Optuna calls it.
    """
    from optuna.exceptions import ExperimentalWarning
    from optuna.storages import fail_stale_trials

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        fail_stale_trials(study)
