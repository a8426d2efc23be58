"""What lives by its heartbeat, and what does not."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState

from autotune.team.signs_of_life import SignsOfLife, fail_lost

if TYPE_CHECKING:
    from optuna import Study

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage")


def test_a_trial_with_a_heartbeat_has_one_in_the_database(opened: Callable[[str], Study]) -> None:
    study = opened("w1")
    trial = study.ask()
    beats: list[int] = []
    backend = study._storage._backend  # type: ignore[attr-defined]
    record = backend.record_heartbeat
    backend.record_heartbeat = lambda number: (beats.append(number), record(number))
    life = SignsOfLife.begin(study._storage, trial._trial_id)
    life.end()
    assert beats[0] == trial._trial_id


def test_a_trial_whose_worker_is_lost_fails_once(
    opened: Callable[[str], Study], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = opened("w1"), opened("w2")
    trial = first.ask()
    for study in (first, second):
        backend = study._storage._backend  # type: ignore[attr-defined]
        monkeypatch.setattr(backend, "_get_stale_trial_ids", lambda _: [trial._trial_id])
    fail_lost(second)
    fail_lost(first)
    assert [t.state for t in first.get_trials()] == [TrialState.FAIL]
