"""Nothing is left behind: not by stop, not by a tuner that is killed."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from autotune.candidate import Candidate
from autotune.launchers.leftovers import sweep_leftovers
from autotune.launchers.marks import TRIAL, TUNER_PID, TUNER_START, start_mark
from autotune.launchers.process import PORTS, free_port, launch, start, stop_process
from autotune.launchers.protocol import LaunchContext, Launcher, LaunchSpec, Server

MakeLauncher = Callable[..., Launcher]
MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]


def gone(pid: int, within_s: float = 20.0) -> bool:
    """Whether the process ends in time; one that nobody reaps has ended."""
    deadline_s = time.monotonic() + within_s
    while time.monotonic() < deadline_s:
        with suppress(psutil.Error):
            if psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                time.sleep(0.02)
                continue
        return True
    return False


def test_stop_takes_the_children_too(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    server = stop_later(
        launch(fake_launcher("leave-child"), Candidate(), launch_context(fake_model))
    )
    (child,) = psutil.Process(server.process.pid).children()
    stop_process(server.process)
    assert server.process.returncode == 0
    assert gone(child.pid)
    stop_process(server.process)


def test_stop_kills_what_ignores_sigterm(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    server = stop_later(
        launch(fake_launcher("ignore-sigterm"), Candidate(), launch_context(fake_model))
    )
    stop_process(server.process, grace_s=0.1)
    assert server.process.returncode == -signal.SIGKILL


def test_the_engine_leads_a_group_of_its_own_and_logs_both_streams(
    tmp_path: Path, launch_context: MakeContext
) -> None:
    context = launch_context(tmp_path / "model")
    script = "import sys, os; print('out'); print('err', file=sys.stderr); print(os.getcwd())"
    spec = LaunchSpec((sys.executable, "-c", script), {}, tmp_path)
    process = start(spec, context)
    with suppress(ProcessLookupError):
        assert os.getpgid(process.pid) == process.pid
    assert process.wait(20) == 0
    assert sorted(context.log_path.read_text().split()) == sorted(["out", "err", str(tmp_path)])


def test_a_second_launch_does_not_read_the_first_ones_log(
    tmp_path: Path, launch_context: MakeContext
) -> None:
    context = launch_context(tmp_path / "model")
    for word in ("first", "second"):
        spec = LaunchSpec((sys.executable, "-c", f"print('{word}')"), {}, tmp_path)
        start(spec, context).wait(20)
    assert context.log_path.read_text() == "second\n"


TUNER = """
import sys, threading
from pathlib import Path
from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext
from autotune.launchers.registry import make_launcher

manifest, model, folder, where = sys.argv[1:]
folder = Path(folder)
context = LaunchContext(Path(model), folder, folder / "engine.log", "trial-0007")

def go():
    server = launch(make_launcher(manifest), Candidate(), context)
    print(server.process.pid, flush=True)
    threading.Event().wait()

if where == "main":
    go()
else:
    thread = threading.Thread(target=go)
    thread.start()
    thread.join()
"""


def tuner(
    manifest: Path, model: Path, folder: Path, where: str
) -> tuple[subprocess.Popen[str], int]:
    """A process that launches an engine and then waits; and the engine's id."""
    argv = [sys.executable, "-c", TUNER, str(manifest), str(model), str(folder), where]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    return process, int(process.stdout.readline())


def kill(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait(20)
    assert process.stdout is not None
    process.stdout.close()


@pytest.mark.skipif(sys.platform != "linux", reason="setpriv is Linux's")
def test_a_killed_tuner_takes_its_engine_along(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> None:
    process, engine = tuner(fake_engine_manifest(), fake_model, tmp_path / "t", "main")
    kill(process)
    assert gone(engine)


def test_what_a_killed_tuner_left_is_swept_and_a_live_ones_engine_is_not(
    fake_engine_manifest: Callable[..., Path],
    fake_launcher: MakeLauncher,
    fake_model: Path,
    tmp_path: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    """From a thread there is no death signal, so the engine and its child outlive the tuner."""
    live = stop_later(launch(fake_launcher(), Candidate(), launch_context(fake_model)))
    manifest = fake_engine_manifest("leave-child")
    process, engine = tuner(manifest, fake_model, tmp_path / "t", "thread")
    (child,) = psutil.Process(engine).children()
    assert engine not in sweep_leftovers()
    kill(process)
    sweep_leftovers()  # that of another run on this machine may be first
    assert gone(engine)
    assert gone(child.pid)
    assert live.process.poll() is None


@pytest.mark.skipif(
    shutil.which("unshare") is None or os.getuid() != 0, reason="needs a process namespace"
)
def test_an_engine_of_another_process_namespace_is_left_alone() -> None:
    """As a host sees it: an engine in a container, whose tuner's number means nothing here."""
    marks = [f"{TRIAL}=trial-0001", f"{TUNER_PID}=99999999", f"{TUNER_START}=1"]
    waiting = [sys.executable, "-c", "import sys; print('up', flush=True); sys.stdin.read()"]
    inside = ["unshare", "--pid", "--fork", "--kill-child", "env", *marks, *waiting]
    with subprocess.Popen(
        inside, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True
    ) as apart:
        assert apart.stdout is not None
        assert apart.stdout.readline() == b"up\n"
        (engine,) = psutil.Process(apart.pid).children()
        assert engine.pid not in sweep_leftovers()
        assert engine.is_running()
        apart.communicate()


def test_the_engine_carries_the_marks(
    fake_launcher: MakeLauncher,
    fake_model: Path,
    launch_context: MakeContext,
    stop_later: StopLater,
) -> None:
    context = launch_context(fake_model, trial_id="trial-0042")
    server = stop_later(launch(fake_launcher(), Candidate(), context))
    env = psutil.Process(server.process.pid).environ()
    assert env[TRIAL] == "trial-0042"
    assert env[TUNER_PID] == str(os.getpid())
    assert env[TUNER_START] == start_mark(os.getpid())


def test_no_process_no_start() -> None:
    assert start_mark(2**22 + 1) is None


def test_a_free_port_is_none_that_the_system_hands_out(monkeypatch: pytest.MonkeyPatch) -> None:
    assert free_port("127.0.0.1") in PORTS
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", free_port("127.0.0.1")))
        taken = holder.getsockname()[1]
        monkeypatch.setattr(random, "sample", lambda *_: [taken])
        assert free_port("127.0.0.1") != taken
