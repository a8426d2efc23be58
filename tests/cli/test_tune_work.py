"""A study as the work of a worker's process."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path
from typing import Any

import pytest
from night_world import summary_of

from autotune.cli import run as run_command
from autotune.cli.tune_work import TuneWork
from autotune.errors import MachineError
from autotune.nightly.gpu_lock import gpu_holder, gpu_lock
from autotune.search import session
from autotune.search.request import RunRequest
from autotune.team import worker as team_worker
from autotune.team.shared_study import SharedStudy
from autotune.team.storage_url import parse_storage


@pytest.fixture
def request_(tmp_path: Path) -> RunRequest:
    return RunRequest(workload=tmp_path, gpu="GPU-1a", study="box", studies_dir=tmp_path)


def test_a_gpu_is_held_while_its_study_runs(
    request_: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[Any] = []

    def study(request: RunRequest, listener: Any, stop: Any) -> Any:
        held.append(gpu_holder("GPU-1a", tmp_path))
        return summary_of(request, 1)

    monkeypatch.setattr(session, "run_study", study)
    monkeypatch.setattr(run_command, "with_exports", lambda summary: summary)
    told: list[Any] = []
    work = TuneWork(request=request_, locks=tmp_path)
    end = work.do(told.append, threading.Event())
    assert held[0].text.startswith("the worker of box (process ")
    assert gpu_holder("GPU-1a", tmp_path) is None
    assert (end.exit_code, end.result) == (1, told[-1])


def test_a_gpu_that_is_taken_is_not_touched(request_: RunRequest, tmp_path: Path) -> None:
    work = TuneWork(request=request_, locks=tmp_path)
    with gpu_lock("GPU-1a", tmp_path, "coder"), pytest.raises(MachineError, match="of coder"):
        work.do(lambda _: None, threading.Event())


def test_a_shared_study_is_searched_by_its_own_name(
    request_: RunRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    searched: list[Any] = []

    def worker(request: RunRequest, shared: SharedStudy, *_: Any) -> Any:
        searched.append((shared.name, gpu_holder("GPU-1a", tmp_path)))
        return summary_of(request, 0)

    monkeypatch.setattr(team_worker, "run_worker", worker)
    monkeypatch.setattr(run_command, "with_exports", lambda summary: summary)
    shared = SharedStudy(url=parse_storage("sqlite:////tmp/x.db"), name="all-of-us")
    work = pickle.loads(pickle.dumps(TuneWork(request=request_, locks=tmp_path, shared=shared)))
    assert work.do(lambda _: None, threading.Event()).exit_code == 0
    ((name, holder),) = searched
    assert name == "all-of-us"
    assert holder.text.startswith("the worker of all-of-us (process ")
