"""Hooks: let go, timed, ended as a group, and known again when nobody waited for them."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from autotune.launchers.marks import start_mark
from autotune.nightly import hooks
from autotune.nightly.hooks import Hook, HookFiles, HookRun, Hooks, adopt_hook, run_hook

ENV = {"PATH": os.environ["PATH"], "NAME": "coder"}


@pytest.fixture
def files(tmp_path: Path) -> HookFiles:
    return hooks.hook_files(tmp_path, "before", 3)


def test_it_runs_in_the_shell_with_its_environment(files: HookFiles) -> None:
    run = run_hook("before", Hook('echo "hello $NAME"; echo oops >&2'), ENV, files)
    assert (run.name, run.code, run.said, run.ok, run.problem) == (
        "before",
        0,
        "hello coder\noops",
        True,
        None,
    )
    assert run.seconds is not None
    assert files.log.read_text(encoding="utf-8") == "hello coder\noops\n"
    assert files.code() == 0


def test_what_it_exits_with_is_told(files: HookFiles) -> None:
    run = run_hook("after", Hook("echo no such unit; exit 5"), ENV, files)
    assert not run.ok
    assert run.problem == "the after hook exited 5: no such unit"
    assert files.code() == 5


def test_it_reads_nothing(files: HookFiles) -> None:
    assert run_hook("before", Hook("cat; echo over"), ENV, files).said == "over"


def test_it_begins_only_when_its_pid_is_written_down(files: HookFiles, tmp_path: Path) -> None:
    seen: list[tuple[int, str | None, bool]] = []

    def started(pid: int, mark: str | None) -> None:
        seen.append((pid, mark, (tmp_path / "ran").exists()))

    run_hook("before", Hook(f"touch {tmp_path}/ran"), ENV, files, started)
    (pid, mark, ran), = seen  # fmt: skip
    assert pid > 0
    assert mark is not None
    assert not ran
    assert (tmp_path / "ran").exists()


def test_it_never_begins_where_that_fails(files: HookFiles, tmp_path: Path) -> None:
    def refuse(_pid: int, _mark: str | None) -> None:
        raise OSError("no")

    with pytest.raises(OSError, match="no"):
        run_hook("before", Hook(f"touch {tmp_path}/ran"), ENV, files, refuse)
    assert not (tmp_path / "ran").exists()
    assert not files.began()


@pytest.fixture
def once_ready(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """Shell words after which a hook's time is over, however slow the machine."""
    ready = tmp_path / "ready"

    def monotonic() -> float:
        return time.monotonic() + (1000.0 if ready.exists() else 0.0)

    clock = SimpleNamespace(monotonic=monotonic, sleep=time.sleep)
    monkeypatch.setattr(hooks, "time", clock)
    return f"touch {ready}"


def test_one_that_takes_too_long_is_ended_with_what_it_started(
    files: HookFiles, tmp_path: Path, once_ready: str
) -> None:
    line = f"sh -c 'echo $$ > {tmp_path}/pid; echo begun; {once_ready}; sleep 60; true' & wait"
    run = run_hook("after", Hook(line, timeout_s=100.0), ENV, files)
    assert (run.code, run.timed_out, run.said.splitlines()[0]) == (None, True, "begun")
    assert run.problem == "the after hook did not end in time"
    assert gone(int((tmp_path / "pid").read_text(encoding="utf-8")))


def gone(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_what_hears_no_sigterm_is_killed(
    files: HookFiles, monkeypatch: pytest.MonkeyPatch, once_ready: str
) -> None:
    monkeypatch.setattr(hooks, "GRACE_S", 0.1)
    line = f"trap '' TERM; {once_ready}; while true; do sleep 0.05; done"
    assert run_hook("after", Hook(line, timeout_s=100.0), ENV, files).timed_out


def test_what_hears_sigterm_may_tidy_up(files: HookFiles, once_ready: str) -> None:
    line = f"trap 'echo tidied; exit 0' TERM; {once_ready}; while true; do sleep 0.02; done"
    run = run_hook("after", Hook(line, timeout_s=100.0), ENV, files)
    assert (run.timed_out, run.said.splitlines()[-1]) == (True, "tidied")


def test_what_it_leaves_running_runs_on(files: HookFiles, tmp_path: Path) -> None:
    line = f"sleep 60 & echo $! > {tmp_path}/pid"
    assert run_hook("after", Hook(line), ENV, files).ok
    pid = int((tmp_path / "pid").read_text(encoding="utf-8"))
    try:
        assert not gone(pid)
    finally:
        os.kill(pid, signal.SIGKILL)


def test_a_ctrl_c_is_not_the_hooks(files: HookFiles) -> None:
    line = f"sleep 0.05; kill -INT {os.getpid()}; sleep 0.1; echo over"
    run = run_hook("after", Hook(line), ENV, files)
    assert (run.code, run.said, run.interrupted) == (0, "over", True)


def test_of_earlier_runs_the_newest_part_is_kept(
    files: HookFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "KEPT_LOG_BYTES", 10)
    for word in ("one", "two", "three", "four"):
        assert run_hook("before", Hook(f"echo {word}"), ENV, files).said == word
    assert files.log.read_text(encoding="utf-8") == "three\nfour\n"


def test_a_hook_that_never_stops_printing_does_not_fill_the_disk(
    files: HookFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hooks, "MOST_LOG_BYTES", 2000)
    line = "for i in 1 2 3 4 5 6; do yes | head -c 5000; sleep 0.05; done; echo; echo done"
    run = run_hook("before", Hook(line), ENV, files)
    assert run.said.endswith("done")
    assert len(run.said) <= hooks.SAID_BYTES
    assert files.log.stat().st_size < 20_000


def waiting(files: HookFiles, line: str) -> subprocess.Popen[bytes]:
    """A hook that waits to be let go."""
    files.mark.parent.mkdir(parents=True, exist_ok=True)
    with Path(os.devnull).open("wb") as nothing:
        return hooks._spawn(line, ENV, files, nothing.fileno())


def spawned(files: HookFiles, line: str) -> subprocess.Popen[bytes]:
    """A hook that was let go by a process that is gone by now."""
    process = waiting(files, line)
    hooks._let_go(process)
    return process


def test_a_hook_that_ended_alone_is_known_again(files: HookFiles) -> None:
    process = spawned(files, "exit 4")
    mark = start_mark(process.pid)
    process.wait()
    found = adopt_hook("after", files, process.pid, mark, 5.0)
    assert found == HookRun(name="after", code=4)


def test_one_that_still_runs_is_waited_for(files: HookFiles, tmp_path: Path) -> None:
    process = spawned(files, f"while [ ! -e {tmp_path}/go ]; do sleep 0.02; done; exit 0")
    mark = start_mark(process.pid)
    while not files.began():
        time.sleep(0.01)
    (tmp_path / "go").touch()
    assert adopt_hook("before", files, process.pid, mark, 5.0) == HookRun(name="before", code=0)
    process.wait()


def test_one_that_never_ends_is_ended(files: HookFiles) -> None:
    process = spawned(files, "sleep 60")
    while not files.began():
        time.sleep(0.01)
    found = adopt_hook("before", files, process.pid, start_mark(process.pid), 0.1)
    assert found == HookRun(name="before", code=None, timed_out=True)
    process.wait()


def test_one_that_was_never_let_go_never_began(files: HookFiles) -> None:
    process = waiting(files, "exit 0")
    assert process.stdin is not None
    process.stdin.close()
    assert process.wait() == 125
    assert adopt_hook("before", files, process.pid, "1", 1.0) is None


def test_a_process_with_the_same_number_is_not_the_hook(files: HookFiles) -> None:
    files.mark.parent.mkdir(parents=True, exist_ok=True)
    files.mark.write_text("began\n", encoding="utf-8")
    found = adopt_hook("before", files, os.getpid(), "another start", 60.0)
    assert found == HookRun(name="before", code=None)
    assert found.problem == "the before hook was cut short"


def test_hooks_are_found_by_name() -> None:
    both = Hooks(before=Hook("a"), after=Hook("b"))
    assert both.named("before") == Hook("a")
    assert both.named("after") == Hook("b")
    assert Hooks().named("after") is None
