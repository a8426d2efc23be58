"""The process of a placed worker: hears stops, ends with its stdin, and leaves no engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest

from autotune.errors import ExitCode
from autotune.search.request import RunRequest
from autotune.team.worker_settings import WorkerSettings
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

BRIEF = {
    "trials": 3,
    "confirm_blocks": 1,
    "max_output_tokens": 4,
    "hold": False,
    "effects": False,
    "early_stop": False,
    "usual_chart": False,
}
SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
WAIT_S = 120.0


class Process:
    """One process, as an actor keeps it."""

    def __init__(self, order: str, folder: Path) -> None:
        self.folder = folder
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "VIRTUAL_ENV")}
        self.popen = subprocess.Popen(
            [sys.executable, "-P", "-m", "autotune.cli.ray_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env={**kept, "HOME": str(folder / "home")},
            start_new_session=True,
            preexec_fn=lambda: os.nice(5),  # as Ray does
        )
        self.rows: list[dict[str, Any]] = []
        self.say(order)

    def say(self, line: str) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.write(f"{line}\n".encode())
        self.popen.stdin.flush()

    def close(self) -> None:
        assert self.popen.stdin is not None
        self.popen.stdin.close()

    def row(self) -> dict[str, Any]:
        """The next thing it tells."""
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        assert line, "it ended without a word"
        told: dict[str, Any] = json.loads(line)
        self.rows.append(told)
        return told

    def until(self, key: str, value: object = None) -> dict[str, Any]:
        """The first row with `key`, where it is `value` if that is given."""
        while True:
            row = self.row()
            if key in row and value in (None, row[key]):
                return row
            assert "ended" not in row, row

    def ids(self) -> list[int]:
        """The worker's processes: found by the folder that they work in."""
        return [p.pid for p in _processes("autotune.cli.ray_process") if _cwd(p) == self.folder]

    def engines(self) -> list[int]:
        return [p.pid for p in _processes("fake_engine.py") if str(self.folder) in _line(p)]


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.Error:
        return ""


def _cwd(process: psutil.Process) -> Path | None:
    try:
        return Path(process.cwd())
    except psutil.Error:
        return None


def _processes(word: str) -> list[psutil.Process]:
    return [process for process in psutil.process_iter() if word in _line(process)]


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAIT_S
    while not condition():
        assert time.monotonic() < deadline, f"never happened: {what}"
        time.sleep(0.02)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Process]]:
    made: list[Process] = []

    def begin(order: str) -> Process:
        made.append(Process(order, tmp_path))
        return made[-1]

    yield begin
    for process in made:
        for pid in [*process.ids(), *process.engines()]:
            os.kill(pid, signal.SIGKILL)
        process.close()
        assert process.popen.stdout is not None
        process.popen.stdout.close()
        process.popen.wait(WAIT_S)


@pytest.fixture
def order(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> Callable[..., str]:
    """What the actor says first: three trials of a few turns on the fake engine."""
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    manifest = fake_engine_manifest(token_us=20000.0, search_space=str(SPACE))

    def make(**changes: Any) -> str:
        request = RunRequest(
            workload=workload,
            engine=str(manifest),
            model=fake_model,
            gpu="cpu",
            study="s",
            studies_dir=tmp_path / "studies",
            **{**BRIEF, **changes},
        )
        settings = WorkerSettings(
            request=request, storage=f"sqlite:///{tmp_path / 'shared.db'}", study="s"
        )
        return json.dumps({"settings": settings.to_json(), "gpus": []})

    return make


def test_a_study_is_told_event_by_event_to_its_end(
    start: Callable[[str], Process], order: Callable[..., str]
) -> None:
    process = start(order())
    assert set(process.row()) == {"host"}
    process.until("event", "Prepared")
    process.until("event", "TrialFinished")
    ended = process.until("ended")["ended"]
    assert ended["exit_code"] in (ExitCode.DONE, ExitCode.NOTHING_BETTER), ended
    assert ended["summary"]["study"]
    until(lambda: process.ids() == [], "the process is gone")
    assert process.engines() == []


@pytest.mark.scale
def test_it_is_nobodys_child_so_that_ray_does_not_kill_it(
    start: Callable[[str], Process], order: Callable[..., str]
) -> None:
    process = start(order())
    process.until("event", "TrialStarted")
    (pid,) = process.ids()
    assert pid != process.popen.pid
    assert psutil.Process(pid).ppid() != os.getpid()
    assert os.getsid(pid) == pid
    notices = [row for row in process.rows if row.get("event") == "Notice"]
    assert psutil.Process(pid).nice() == 0 or "niceness" in str(notices)
    process.say("now")
    process.until("ended")


@pytest.mark.scale
def test_stop_finishes_the_trial_and_now_does_not(
    start: Callable[[str], Process], order: Callable[..., str]
) -> None:
    polite = start(order(trials=50))
    polite.until("event", "TrialFinished")
    polite.say("stop")
    ended = polite.until("ended")["ended"]
    assert ended["exit_code"] == ExitCode.STOPPED_EARLY, ended
    until(lambda: polite.ids() == [], "the process is gone")
    hard = start(order(trials=50))
    hard.until("event", "TrialStarted")
    hard.say("now")
    assert hard.until("ended")["ended"]["exit_code"] == ExitCode.INTERRUPTED
    until(lambda: hard.ids() == [] and hard.engines() == [], "all is gone")


@pytest.mark.scale
def test_when_its_actor_is_gone_it_stops_its_engine_and_ends(
    start: Callable[[str], Process], order: Callable[..., str]
) -> None:
    process = start(order(trials=50))
    process.until("event", "TrialStarted")
    until(lambda: process.engines() != [], "an engine runs")
    process.close()
    until(lambda: process.ids() == [] and process.engines() == [], "all is gone")


@pytest.mark.scale
def test_killed_it_takes_its_engine_along(
    start: Callable[[str], Process], order: Callable[..., str]
) -> None:
    process = start(order(trials=50))
    process.until("event", "TrialStarted")
    until(lambda: process.engines() != [], "an engine runs")
    (pid,) = process.ids()
    os.kill(pid, signal.SIGKILL)
    until(lambda: process.engines() == [], "the engine is gone")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("", "without settings"),
        ("[]", "without settings"),
        ('{"settings": "{}"}', "cannot be used"),
        ('{"settings": "{\\"argv\\": [\\"sh\\"]}"}', "cannot be used"),
    ],
)
def test_anything_but_settings_starts_nothing(
    line: str, words: str, start: Callable[[str], Process]
) -> None:
    ended = start(line).until("ended")["ended"]
    assert ended["exit_code"] == ExitCode.USAGE
    assert words in ended["error"]
    assert ended["hint"]


def test_a_worker_that_begins_after_the_end_of_the_run_measures_nothing(
    start: Callable[[str], Process], order: Callable[..., str]
) -> None:
    made = json.loads(order(budget_s=60.0))
    settings = json.loads(made["settings"])
    made["settings"] = json.dumps({**settings, "until": 1.0})
    ended = start(json.dumps(made)).until("ended")["ended"]
    assert ended["exit_code"] == ExitCode.MACHINE
    assert "the time of the run was over" in ended["error"]
