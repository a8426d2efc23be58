"""A worker's folder holds the whole study in the end."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from optuna.trial import TrialState
from report_data import record

from autotune.study.folder import StudyFolder
from autotune.team.artefacts import open_artefacts
from autotune.team.finish import copy_trials, take_turns
from autotune.team.shipping import Shipper

if TYPE_CHECKING:
    from optuna import Study

pytestmark = pytest.mark.filterwarnings("ignore:Heartbeat of storage")
Opened = Callable[[str], "Study"]


def finished(study: Study, worker: str) -> int:
    """A trial of `worker` with an outcome; its number."""
    trial = study.ask()
    for name, value in (("worker", worker), ("label", "x"), ("outcome", "complete")):
        trial.set_user_attr(name, value)
    study.tell(trial, 1.5)
    return trial.number


def logged(folder: StudyFolder, *arms: str) -> None:
    log = folder.turn_log()
    for arm in arms:
        log.append(record(arm, "session", 0))
    log.close()


def test_trials_are_copied_with_their_numbers_and_again_where_there_are_more(
    opened: Opened, tmp_path: Path
) -> None:
    study, folder = opened("w1"), StudyFolder(tmp_path / "s")
    folder.path.mkdir()
    finished(study, "w1")
    failed = study.ask()
    study.tell(failed, state=TrialState.FAIL)
    copy_trials(study, folder)
    assert [t["state"] for t in folder.read_trials()] == ["complete", "interrupted"]
    finished(study, "w2")
    copy_trials(study, folder)
    assert [t["number"] for t in folder.read_trials()] == [0, 1, 2]
    assert [p.name for p in folder.path.iterdir()] == ["study.db"]


def test_turns_of_others_come_once_and_only_those_that_count(
    opened: Opened, tmp_path: Path
) -> None:
    study = opened("w1")
    for worker in ("w1", "w2"):
        finished(study, worker)
    mine, other = StudyFolder(tmp_path / "a"), StudyFolder(tmp_path / "b")
    logged(mine, "trial-0000")
    logged(other, "trial-0000", "trial-0001", "anchor-0001", "confirm-0002-default")
    artefacts = open_artefacts(str(tmp_path / "artefacts"), study)
    Shipper(artefacts, study, other, "w2", lambda _: None).ship()
    for _ in range(2):
        take_turns(artefacts, study, mine, frozenset({"w1"}), prover="w2")
    arms = [row.arm for row in mine.read_turns()]
    assert sorted(arms) == ["confirm-0002-default", "trial-0000", "trial-0001"]
