"""A person's own commands around a night: ``before`` stops what serves, ``after`` starts it again.

A hook is a line for ``/bin/sh``. It inherits the environment of the night (so that ``systemctl
--user``, ``docker`` and the like find their sockets), and these:

``AUTOTUNE_NIGHT_TARGET``
    The target's name.
``AUTOTUNE_NIGHT_HOOK``
    ``before`` or ``after``.
``AUTOTUNE_NIGHT_WHY``
    Why: ``tuning``, ``promotion``, ``rollback`` or ``recovery``.
``AUTOTUNE_NIGHT_GENERATION``
    The number of the live generation; empty before the first.
``AUTOTUNE_NIGHT_LIVE``
    The folder of the live generation, with its files in ``exports/``.

It must end: what is to go on running is started by a service manager, or in the background with its
output sent elsewhere. What it prints is kept in ``hooks/before.log`` and ``hooks/after.log`` of the
target's state, the newest part of it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from autotune.errors import MachineError
from autotune.launchers.marks import start_mark
from autotune.study.files import disk_error

HookName = Literal["before", "after"]

TIMEOUT_S = 300.0
GRACE_S = 5.0
POLL_S = 0.02
MOST_LOG_BYTES = 16 * 1024 * 1024
"""A hook that prints more while it runs loses the oldest of it."""

KEPT_LOG_BYTES = 256 * 1024
"""What is kept of earlier runs when a new one begins."""

SAID_BYTES = 2000
"""The end of what a hook printed, kept with its result."""

_GATED = """\
read -r go || exit 125
[ "$go" = go ] || exit 125
trap : TERM
echo began >> "$1"
/bin/sh -c "$2" < /dev/null
code=$?
echo "ended $code" >> "$1"
exit $code
"""
"""Runs the line once it is told to, and leaves word of it even when nobody waits any more. The trap
is its own: what it runs ends on SIGTERM as ever."""


@dataclass(frozen=True, slots=True)
class Hook:
    """A line for the shell, and how long it may take."""

    command: str
    timeout_s: float = TIMEOUT_S


@dataclass(frozen=True, slots=True)
class Hooks:
    """Both; each may be absent."""

    before: Hook | None = None
    after: Hook | None = None

    def named(self, name: HookName) -> Hook | None:
        """The one of that name."""
        return self.before if name == "before" else self.after


NO_HOOKS = Hooks()


@dataclass(frozen=True, slots=True, kw_only=True)
class HookRun:
    """A hook that ran. `code` is its exit code, ``None`` where it was ended or that is not known.

    `said` is the end of what it printed. `seconds` are ``None`` where nobody timed it.
    `interrupted` says that this process was told to end meanwhile.
    """

    name: str
    code: int | None
    seconds: float | None = None
    said: str = ""
    timed_out: bool = False
    interrupted: bool = False

    @property
    def ok(self) -> bool:
        """Whether it did what it should."""
        return self.code == 0

    @property
    def problem(self) -> str | None:
        """What went wrong, in words."""
        if self.ok:
            return None
        if self.timed_out:
            return f"the {self.name} hook did not end in time"
        if self.code is None:
            return f"the {self.name} hook was cut short"
        last = self.said.strip().splitlines()[-1:]
        return ": ".join([f"the {self.name} hook exited {self.code}", *last])


@dataclass(frozen=True, slots=True)
class HookFiles:
    """The log of one hook, and the mark of one run of it: ``began``, then ``ended CODE``."""

    log: Path
    mark: Path

    def began(self) -> bool:
        """Whether the run got as far as the command."""
        return self.mark.exists()

    def code(self) -> int | None:
        """The exit code that the run left; ``None`` where it did not end by itself."""
        with suppress(OSError):
            words = self.mark.read_text(encoding="utf-8").split()
            if words[-2:-1] == ["ended"] and words[-1].isdigit():
                return int(words[-1])
        return None


Started = Callable[[int, str | None], None]
"""Told the process id and its start mark when the hook is there and waits to be let go."""


def hook_files(state: Path, name: str, run: int) -> HookFiles:
    """Those of a run, by its number in the journal."""
    folder = state / "hooks"
    return HookFiles(folder / f"{name}.log", folder / f"{run}.mark")


def run_hook(
    name: HookName,
    hook: Hook,
    env: Mapping[str, str],
    files: HookFiles,
    started: Started = lambda _pid, _mark: None,
) -> HookRun:
    """Runs it to its end in a session of its own, or ends its process group when time is over.

    It begins only after `started` has returned. A Ctrl-C is not the hook's: it runs to its end, and
    the result says so. The mark stays until whoever asked has written down what came of it. Raises
    `MachineError` where there is no shell or the disk refuses the log.
    """
    began_s = time.monotonic()
    with _log(files.log) as log:
        from_byte = os.fstat(log).st_size
        process = _spawn(hook.command, env, files, log)
        try:
            started(process.pid, start_mark(process.pid))
            code, interrupted = _wait(process, hook.timeout_s, log)
        finally:
            _close(process)
        said = _said(files.log, from_byte)
    return HookRun(
        name=name,
        code=code,
        seconds=round(time.monotonic() - began_s, 3),
        said=said,
        timed_out=code is None,
        interrupted=interrupted,
    )


def adopt_hook(
    name: HookName, files: HookFiles, pid: int, mark: str | None, timeout_s: float
) -> HookRun | None:
    """What became of a run whose autotune was killed; ``None`` when it never began.

    Waits while it still runs, `timeout_s` from now at most, and ends its group then.
    """
    ends_s = time.monotonic() + timeout_s
    while (late := _runs(pid, mark)) and time.monotonic() < ends_s:
        time.sleep(POLL_S)
    if late:
        _end_group(pid, lambda: not _runs(pid, mark))
    if not files.began():
        return None
    return HookRun(name=name, code=None if late else files.code(), timed_out=late)


def _runs(pid: int, mark: str | None) -> bool:
    """Whether that very process is there and is no zombie."""
    if mark is None or start_mark(pid) != mark:
        return False
    import psutil

    with suppress(psutil.Error):
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    return False


@contextmanager
def _log(path: Path) -> Iterator[int]:
    """The log, open for appending, with no more than the newest part of what was there."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    except OSError as error:
        raise disk_error(path, error) from error
    try:
        _trim(handle, KEPT_LOG_BYTES)
        yield handle
    finally:
        os.close(handle)


def _trim(handle: int, most_bytes: int) -> None:
    """Cuts the oldest off in place: what else writes to it goes on at its end."""
    size = os.fstat(handle).st_size
    if size <= most_bytes:
        return
    rest = os.pread(handle, most_bytes, size - most_bytes)
    os.ftruncate(handle, 0)
    os.write(handle, rest[rest.find(b"\n") + 1 :])


def _spawn(
    command: str, env: Mapping[str, str], files: HookFiles, log: int
) -> subprocess.Popen[bytes]:
    try:
        files.mark.unlink(missing_ok=True)
        return subprocess.Popen(
            ["/bin/sh", "-c", _GATED, "sh", str(files.mark), command],
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    except OSError as error:
        raise MachineError(
            f"cannot run a hook: {error.strerror}", "check that /bin/sh is there"
        ) from error


def _let_go(process: subprocess.Popen[bytes]) -> None:
    gate = process.stdin
    if gate is not None and not gate.closed:
        with suppress(BrokenPipeError):
            gate.write(b"go\n")
            gate.close()


def _wait(process: subprocess.Popen[bytes], timeout_s: float, log: int) -> tuple[int | None, bool]:
    """Its exit code, ``None`` where it had to be ended; and whether we were interrupted."""
    ends_s = time.monotonic() + timeout_s
    interrupted = False
    while True:
        try:
            return _to_its_end(process, ends_s, log), interrupted
        except KeyboardInterrupt:
            interrupted = True


def _to_its_end(process: subprocess.Popen[bytes], ends_s: float, log: int) -> int | None:
    _let_go(process)
    while process.poll() is None:
        if time.monotonic() >= ends_s:
            _end_group(process.pid, lambda: process.poll() is not None)
            return None
        _trim(log, MOST_LOG_BYTES)
        time.sleep(POLL_S)
    return process.returncode


def _end_group(pid: int, gone: Callable[[], bool]) -> None:
    """SIGTERM to the group of `pid`, and SIGKILL to what is left of it after `GRACE_S`."""
    _signal(pid, signal.SIGTERM)
    ends_s = time.monotonic() + GRACE_S
    while not gone() and time.monotonic() < ends_s:
        time.sleep(POLL_S)
    _signal(pid, signal.SIGKILL)
    while not gone() and time.monotonic() < ends_s + GRACE_S:
        time.sleep(POLL_S)


def _signal(group: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _close(process: subprocess.Popen[bytes]) -> None:
    """Without its gate it ends where it was not let go; nothing is left open."""
    if process.stdin is not None and not process.stdin.closed:
        process.stdin.close()
        process.wait()


def _said(path: Path, from_byte: int) -> str:
    """The end of what was printed since `from_byte`; of all there is where it was cut meanwhile."""
    with path.open("rb") as handle:
        size = handle.seek(0, os.SEEK_END)
        begin = from_byte if from_byte <= size else 0
        handle.seek(max(begin, size - SAID_BYTES))
        return handle.read().decode("utf-8", errors="replace").strip()
