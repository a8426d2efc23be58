"""Start an engine, wait until it answers, and end it without leaving anything behind."""

from __future__ import annotations

import os
import random
import shutil
import signal
import socket
import subprocess
import threading
import time
from contextlib import ExitStack, suppress
from dataclasses import replace

import psutil

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.environment import inherited, make_directories
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.failures import last_line
from autotune.launchers.listeners import foreign_listener
from autotune.launchers.marks import tuner_marks
from autotune.launchers.model_setting import with_model
from autotune.launchers.protocol import LaunchContext, Launcher, LaunchSpec, Server

POLL_S = 0.02
STOP_GRACE_S = 10.0


PORTS = range(20000, 32768)
"""Below those that systems hand out by themselves (from 32768 on Linux, 49152 elsewhere)."""


def free_port(host: str) -> int:
    """A TCP port that was free a moment ago, and that nobody is given who asks for any.

    An engine written in Python takes some ten seconds before it binds its port; one of those that
    are handed out would often belong to somebody else by then.
    """
    for port in random.sample(PORTS, 20):
        with suppress(OSError):
            return _bound(host, port)
    return _bound(host, 0)


def _bound(host: str, port: int) -> int:
    """The port that was bound: `port`, or any for 0. Raises `OSError` where it cannot be."""
    with socket.socket() as probe:
        probe.bind((host, port))
        return int(probe.getsockname()[1])


def start(spec: LaunchSpec, context: LaunchContext) -> subprocess.Popen[bytes]:
    """Run `spec` in its own session, its output in the log. Raises `MachineError` if it cannot.

    The session makes the engine and its children one group, which `stop_process` ends as a whole.
    ``setpriv --pdeathsig`` ends the engine when autotune is killed.
    """
    make_directories(context)
    _write_files(spec, context)
    env = {**inherited(os.environ, spec.inherit), **spec.env, **tuner_marks()}
    try:
        with context.log_path.open("wb") as log:
            return subprocess.Popen(
                [*_death_signal(), *spec.argv],
                env=env,
                cwd=spec.cwd,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
    except OSError as error:
        raise MachineError(
            f"cannot start {spec.argv[0]}: {error.strerror}", "run: autotune doctor"
        ) from error


def _write_files(spec: LaunchSpec, context: LaunchContext) -> None:
    """Write `spec.files`. Raises ``ValueError`` for one outside of the launch's own directory."""
    for path, text in spec.files.items():
        if not path.resolve().is_relative_to(context.work_dir.resolve()):
            raise ValueError(f"{path} is not in {context.work_dir}")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def _death_signal() -> list[str]:
    """Kill the engine when its parent dies, where util-linux is there.

    The signal fires when the spawning *thread* ends, so only the main thread may ask for it.
    """
    tool = shutil.which("setpriv")
    if tool is None or threading.current_thread() is not threading.main_thread():
        return []
    return [tool, "--pdeathsig", "KILL", "--"]


def launch(
    launcher: Launcher, candidate: Candidate, context: LaunchContext, *, poll_s: float = POLL_S
) -> Server:
    """A server that runs `candidate` and has answered with its own model.

    Raises `TrialError` when the candidate will not run (nothing is left running then) and
    `MachineError` when the engine is not there. `load_s` is the time from start to ready.
    """
    launcher.detect()
    candidate, context = with_model(candidate, context)
    context = replace(context, port=context.port or free_port(context.host))
    return launch_as(launcher, launcher.command(candidate, context), context, poll_s=poll_s)


def launch_as(
    launcher: Launcher, spec: LaunchSpec, context: LaunchContext, *, poll_s: float = POLL_S
) -> Server:
    """A server that was started by `spec`, whatever made it, and has answered with its own model.

    Raises `TrialError` and `MachineError` like `launch`.
    """
    began = time.monotonic()
    with ExitStack() as undo:
        server = Server(start(spec, context), spec.base_url or "", spec, context)
        undo.callback(launcher.stop, server)
        _wait_ready(launcher, server, began + context.start_timeout_s, poll_s)
        server.load_s = time.monotonic() - began
        undo.pop_all()
    return server


def _wait_ready(launcher: Launcher, server: Server, deadline_s: float, poll_s: float) -> None:
    """Poll for the address, then for readiness; the child must live all the while."""
    while True:
        check_alive(launcher, server)
        if _is_ready(launcher, server):
            check_alive(launcher, server)
            return
        if time.monotonic() > deadline_s:
            raise TrialError(_never_ready(server))
        time.sleep(poll_s)


def _is_ready(launcher: Launcher, server: Server) -> bool:
    if not server.base_url:
        server.base_url = launcher.address(server.log_text()) or ""
    if not server.base_url or not launcher.ready(server):
        return False
    if (pid := foreign_listener(server)) is not None:
        message = f"{server.base_url} is answered by process {pid}, not by the engine"
        raise TrialError(Failure(FailureKind.WRONG_SERVER, message))
    return True


def _never_ready(server: Server) -> Failure:
    limit = f"{server.context.start_timeout_s:g} s"
    where = "it did not become ready" if server.base_url else "it did not say where it listens"
    return Failure(FailureKind.TIMEOUT, f"{where} within {limit}", last_line(server.log_text()))


def check_alive(launcher: Launcher, server: Server) -> None:
    """Raise the launcher's own explanation as a `TrialError` when the process has ended."""
    returncode = server.process.poll()
    if returncode is not None:
        raise TrialError(launcher.failure(server.log_text(), returncode))


def stop_process(process: subprocess.Popen[bytes], grace_s: float = STOP_GRACE_S) -> None:
    """SIGTERM, wait `grace_s`, SIGKILL to the whole group and to children that left it. Reaped.

    Does nothing for a process that is gone; never raises for one that goes meanwhile.
    """
    children = _children(process.pid)
    if process.poll() is None:
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(grace_s)
    _kill(process, children)
    with suppress(subprocess.TimeoutExpired):
        process.wait(STOP_GRACE_S)
    _wait_gone([*children, *_group(process.pid)], STOP_GRACE_S)


def _children(pid: int) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return psutil.Process(pid).children(recursive=True)
    return []


def _group(pgid: int) -> list[psutil.Process]:
    """Members of the group that `pgid` led or leads, without the leader."""
    members = []
    for process in psutil.process_iter():
        with suppress(ProcessLookupError, PermissionError):
            if process.pid != pgid and os.getpgid(process.pid) == pgid:
                members.append(process)
    return members


def _kill(process: subprocess.Popen[bytes], children: list[psutil.Process]) -> None:
    """SIGKILL what is left. The group is signalled only while a member keeps its id taken."""
    for child in children:
        with suppress(psutil.Error):
            child.kill()
    if process.poll() is None or _group(process.pid):
        with suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)


def _wait_gone(processes: list[psutil.Process], timeout_s: float) -> None:
    deadline_s = time.monotonic() + timeout_s
    while any(_runs(p) for p in processes) and time.monotonic() < deadline_s:
        time.sleep(POLL_S)


def _runs(process: psutil.Process) -> bool:
    """Whether it still executes: a zombie that nobody reaps holds no memory."""
    with suppress(psutil.Error):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
