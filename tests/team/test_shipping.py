"""Turn records and logs are stored as each trial ends; a store that is away loses none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import optuna
import pytest

from autotune.errors import MachineError
from autotune.records import TurnRecord
from autotune.search.events import ConfirmBlock, Event, TrialFinished, TrialStarted
from autotune.study.folder import StudyFolder
from autotune.team.artefacts import Artefacts, open_artefacts
from autotune.team.shipping import Shipper, shipped_turns, turns_name


@pytest.fixture
def study() -> optuna.Study:
    return optuna.create_study(study_name="team")


@pytest.fixture
def kept(tmp_path: Path, study: optuna.Study) -> Artefacts:
    return open_artefacts(str(tmp_path / "shared"), study)


def record(arm: str, order: int, block: int = 0) -> TurnRecord:
    return TurnRecord(
        arm=arm,
        block=block,
        order=order,
        session_id="s",
        turn=order,
        started_at="2026-01-01T00:00:00+00:00",
        asked_output_tokens=24,
    )


def finished(number: int, log: Path | None = None) -> TrialFinished:
    path = None if log is None else str(log)
    return TrialFinished(number, {}, 1.0, 0.5, 10.0, 1.0, 3.0, log_path=path)


class Worker:
    """A folder that is measured into, and what stores it."""

    def __init__(self, folder: Path, kept: Artefacts, study: optuna.Study, name: str) -> None:
        self.folder = StudyFolder(folder)
        self.log = self.folder.turn_log()
        self.heard: list[Event] = []
        self.ship = Shipper(kept, study, self.folder, name, self.heard.append)

    def trial(self, number: int, turns: int) -> None:
        for order in range(turns):
            self.log.append(record(f"trial-{number:04d}", order))


@pytest.fixture
def worker(tmp_path: Path, kept: Artefacts, study: optuna.Study) -> Iterator[Worker]:
    made = Worker(tmp_path / "own", kept, study, "w1")
    yield made
    made.log.close()


def arms(kept: Artefacts, study: optuna.Study, worker: str = "") -> list[tuple[str, int]]:
    return [(r.arm, r.order) for r in shipped_turns(kept, study, worker)]


def test_events_are_passed_on(worker: Worker) -> None:
    worker.ship(TrialStarted(0, {}))
    assert worker.heard == [TrialStarted(0, {})]


def test_a_trial_is_stored_when_it_ends_and_not_before(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    worker.ship(TrialStarted(0, {}))
    worker.trial(0, 2)
    assert kept.names(study) == []
    worker.ship(finished(0))
    assert kept.names(study) == [turns_name("w1", "trial-0000")]
    assert arms(kept, study) == [("trial-0000", 0), ("trial-0000", 1)]


def test_of_a_worker_that_is_lost_only_the_trial_under_way_is_lost(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    for number in range(3):
        worker.trial(number, 1)
        if number < 2:
            worker.ship(finished(number))
    assert arms(kept, study) == [("trial-0000", 0), ("trial-0001", 0)]


def test_blocks_of_an_arm_that_grows_are_stored_anew(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    for block in range(2):
        worker.log.append(record("confirm-0003-default", 0, block))
        worker.ship(ConfirmBlock("default", block, 1.0))
    assert len(arms(kept, study)) == 2
    assert len(kept.names(study)) == 1


def test_several_workers_are_told_apart(
    worker: Worker, kept: Artefacts, study: optuna.Study, tmp_path: Path
) -> None:
    other = Worker(tmp_path / "other", kept, study, "w2/../odd name")
    worker.trial(0, 1)
    other.trial(1, 1)
    worker.ship(finished(0))
    other.ship(finished(1))
    other.log.close()
    assert arms(kept, study, "w1") == [("trial-0000", 0)]
    assert arms(kept, study, "w2/../odd name") == [("trial-0001", 0)]
    assert len(arms(kept, study)) == 2


def test_a_store_that_is_away_ends_no_search_and_loses_nothing(
    worker: Worker, kept: Artefacts, study: optuna.Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise MachineError("s3://lab does not answer", "check the network")

    worker.trial(0, 1)
    with monkeypatch.context() as patch:
        patch.setattr(type(kept), "put", away)
        worker.ship(finished(0))
        assert worker.ship.problem is not None
        with pytest.raises(MachineError, match="does not answer"):
            worker.ship.finish()
    worker.trial(1, 1)
    worker.ship(finished(1))
    assert worker.ship.problem is None
    assert arms(kept, study) == [("trial-0000", 0), ("trial-0001", 0)]


def test_a_database_that_is_away_ends_no_search(
    worker: Worker, kept: Artefacts, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_: object) -> str:
        raise optuna.exceptions.StorageInternalError("connection refused")

    worker.trial(0, 1)
    monkeypatch.setattr(type(kept), "put", away)
    worker.ship(finished(0))
    assert worker.ship.problem is not None
    assert "storage" in worker.ship.problem.message


def test_logs_and_what_a_finished_study_holds_are_stored(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    folder = worker.folder
    folder.logs.mkdir(parents=True)
    (folder.logs / "trial-0000.log").write_text("ready")
    worker.trial(0, 1)
    worker.ship(finished(0, folder.logs / "trial-0000.log"))
    folder.write_provenance({"engine": "reference"})
    folder.exports.mkdir()
    (folder.exports / "llama-swap.yaml").write_text("models:")
    (folder.path / "report.html").write_text("<p>")
    (folder.path / "study.db").write_text("not stored")
    worker.ship.finish()
    assert kept.names(study) == [
        "files/w1/exports/llama-swap.yaml",
        "files/w1/provenance.json",
        "files/w1/report.html",
        "logs/w1/trial-0000.log",
        "turns/w1/trial-0000.jsonl.gz",
    ]


def test_a_torn_last_line_is_left_for_the_next_time(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    worker.trial(0, 1)
    with worker.folder.turns_path.open("ab") as out:
        out.write(b'{"arm": "trial-0000", "blo')
    worker.ship(finished(0))
    assert arms(kept, study) == [("trial-0000", 0)]


def test_records_that_were_set_aside_are_stored_under_their_new_arm(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    worker.trial(0, 1)
    worker.ship(finished(0))
    worker.log.set_aside("trial-0000", 0, as_arm="trial-0000-aside-1")
    worker.trial(0, 2)
    worker.ship(finished(0))
    assert sorted(arms(kept, study)) == [
        ("trial-0000", 0),
        ("trial-0000", 1),
        ("trial-0000-aside-1", 0),
    ]


def test_an_arm_that_was_set_aside_and_never_measured_again_is_stored_empty(
    worker: Worker, kept: Artefacts, study: optuna.Study
) -> None:
    worker.trial(0, 1)
    worker.ship(finished(0))
    worker.log.set_aside("trial-0000", 0, as_arm="trial-0000-aside-1")
    worker.ship(finished(0))
    assert arms(kept, study) == [("trial-0000-aside-1", 0)]
