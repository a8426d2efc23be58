"""Optuna's database: kept through kills, clear when it is damaged."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from formula import Bench, FormulaMeasurer

from autotune.errors import MachineError
from autotune.search.suggest import make_sampler
from autotune.study.folder import StudyFolder
from autotune.study.storage import load_trials, open_study


def test_the_database_is_whole_and_in_write_ahead_mode(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "s")
    bench.run(FormulaMeasurer(), 2)
    connection = sqlite3.connect(bench.folder.database)
    assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()


def test_trials_survive_a_second_opening(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    for expected in (0, 1):
        with open_study(folder, make_sampler(0)) as study:
            assert len(study.trials) == expected
            study.optimize(lambda _: 1.0, n_trials=1)
    assert [t.value for t in load_trials(folder)] == [1.0, 1.0]


def test_a_study_keeps_its_trials_when_its_folder_is_renamed(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    with open_study(folder, make_sampler(0)) as study:
        study.optimize(lambda _: 1.0, n_trials=1)
    renamed = StudyFolder(folder.path.rename(tmp_path / "other"))
    assert [t.value for t in load_trials(renamed)] == [1.0]
    with open_study(renamed, make_sampler(0)) as study:
        study.optimize(lambda _: 2.0, n_trials=1)
    assert [t.value for t in load_trials(renamed)] == [1.0, 2.0]


def test_a_damaged_database_is_named(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    folder.path.mkdir()
    folder.database.write_bytes(b"not a database, but long enough to be taken for one" * 40)
    with pytest.raises(MachineError, match=r"study\.db"):
        load_trials(folder)


def test_reading_a_study_that_is_not_there_makes_nothing(tmp_path: Path) -> None:
    folder = StudyFolder(tmp_path / "s")
    assert load_trials(folder) == []
    assert not folder.path.exists()
