"""A shared study is one study, whoever opens it, and an address that is wrong is said at once."""

from __future__ import annotations

import sys
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autotune.errors import MachineError, UserError
from autotune.team.shared_study import beside, open_shared
from autotune.team.storage_url import StorageUrl, parse_storage

if TYPE_CHECKING:
    from optuna import Study


def test_every_worker_opens_the_same_study(opened: Callable[[str], Study]) -> None:
    first, second = opened("w1"), opened("w2")
    first.enqueue_trial({"x": 1})
    assert [t.number for t in second.get_trials()] == [0]
    assert beside(first, "s:rounds").study_name == "s:rounds"
    assert not beside(second, "s:rounds").get_trials()


def _open_and_add(path: Path, worker: str) -> None:
    with open_shared(StorageUrl(path=path), "s", worker=worker) as study:
        study.enqueue_trial({"x": 1})


def test_workers_that_begin_at_the_same_moment_make_one_study(shared_url: StorageUrl) -> None:
    context = get_context("spawn")
    assert shared_url.path is not None
    workers = [
        context.Process(target=_open_and_add, args=(shared_url.path, f"w{n}")) for n in range(4)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    with open_shared(shared_url, "s") as study:
        assert [t.number for t in study.get_trials()] == [0, 1, 2, 3]


def test_a_database_that_is_not_there_is_said_at_once(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with (
        pytest.raises(MachineError, match="does not answer"),
        open_shared(StorageUrl(path=tmp_path / "folder.db"), "s"),
    ):
        pass


def test_a_driver_that_is_missing_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    url = parse_storage("postgresql://tuner@127.0.0.1:9/tuning")
    with (
        pytest.raises(UserError, match="driver") as caught,
        open_shared(url, "s", env={"AUTOTUNE_STORAGE_PASSWORD": "geheim"}),
    ):
        pass
    assert "postgres" in caught.value.hint
    assert "geheim" not in str(caught.value)
