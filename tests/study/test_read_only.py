"""Databases read without a trace: what is on disk, its files and their bytes, stays as it is."""

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest
from optuna.exceptions import StorageInternalError

from autotune.errors import MachineError
from autotune.search.suggest import make_sampler
from autotune.study.folder import StudyFolder
from autotune.study.read_only import log_of, reading, signature
from autotune.study.storage import load_trials, open_study


@pytest.fixture
def folder(tmp_path: Path) -> StudyFolder:
    """A study of two trials that is closed."""
    made = StudyFolder(tmp_path / "s")
    with open_study(made, make_sampler(0)) as study:
        study.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=2)
    return made


def bytes_of(folder: StudyFolder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.path.iterdir()}


def test_a_finished_study_stays_as_it_is(folder: StudyFolder) -> None:
    before = bytes_of(folder)
    stamps = folder.path.stat().st_mtime_ns, folder.database.stat().st_mtime_ns
    assert list(before) == ["study.db"]
    assert len(load_trials(folder)) == 2
    assert bytes_of(folder) == before
    assert (folder.path.stat().st_mtime_ns, folder.database.stat().st_mtime_ns) == stamps


def test_nothing_can_be_written(folder: StudyFolder) -> None:
    with reading(folder.database) as storage:
        study = storage.get_all_studies()[0]
        with pytest.raises(StorageInternalError):
            storage.set_study_user_attr(study._study_id, "x", 1)


def test_trials_of_a_run_that_goes_on_are_seen(folder: StudyFolder) -> None:
    with open_study(folder, make_sampler(0)) as study:
        study.optimize(lambda _: 7.0, n_trials=1)
        assert log_of(folder.database).stat().st_size > 0
        before = signature(folder.database, log_of(folder.database))
        assert [t.value for t in load_trials(folder)][2:] == [7.0]
        assert signature(folder.database, log_of(folder.database)) == before
        study.optimize(lambda _: 8.0, n_trials=1)
        assert signature(folder.database, log_of(folder.database)) != before
        assert [t.value for t in load_trials(folder)][2:] == [7.0, 8.0]


def test_what_a_killed_run_left_is_seen(folder: StudyFolder, tmp_path: Path) -> None:
    killed = StudyFolder(tmp_path / "killed" / "s")
    with open_study(folder, make_sampler(0)) as study:
        study.optimize(lambda _: 7.0, n_trials=1)
        # As a kill leaves it: the log is there, and not yet in the file.
        shutil.copytree(folder.path, killed.path)
    written = {n: b for n, b in bytes_of(killed).items() if not n.endswith("-shm")}
    assert [t.value for t in load_trials(killed)][2:] == [7.0]
    assert {n: b for n, b in bytes_of(killed).items() if not n.endswith("-shm")} == written


def test_a_log_without_its_index_is_read_from_a_copy(
    folder: StudyFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    killed = StudyFolder(tmp_path / "killed" / "s")
    with open_study(folder, make_sampler(0)) as study:
        study.optimize(lambda _: 7.0, n_trials=1)
        shutil.copytree(folder.path, killed.path)
    connect = sqlite3.connect

    def refused(address: str, **options: object) -> sqlite3.Connection:
        if str(killed.path) in address:
            raise sqlite3.OperationalError("unable to open database file")
        return connect(address, **options)  # type: ignore[call-overload, no-any-return]

    before = bytes_of(killed)
    monkeypatch.setattr(sqlite3, "connect", refused)
    assert [t.value for t in load_trials(killed)][2:] == [7.0]
    assert bytes_of(killed) == before


def test_files_that_are_absent_have_a_signature_too(tmp_path: Path) -> None:
    assert signature(tmp_path / "none") == ((0, 0),)


def test_a_damaged_file_is_named(folder: StudyFolder) -> None:
    folder.database.write_bytes(b"not a database" * 100)
    with pytest.raises(MachineError, match="cannot be opened"):
        load_trials(folder)
