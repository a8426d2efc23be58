"""Before and after: never one without the other, and what was left open is closed."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

import pytest
from nightly_site import BOOT, hook_words, paired, site

from autotune.errors import MachineError
from autotune.nightly.hooks import Hook, Hooks
from autotune.nightly.pause import (
    HOOK,
    PAUSE,
    STARTED,
    HookFailedError,
    ensure_paused,
    hook_runs,
    open_pause,
    pause,
    paused,
    resume,
    settle_hooks,
)
from autotune.nightly.site import Site


@pytest.fixture
def where(tmp_path: Path) -> Site:
    return site(tmp_path)


def kinds(where: Site) -> list[str]:
    return [f"{line.kind} {line.phase}" for line in where.journal.lines()]


def test_a_pause_has_a_hook_at_each_end(where: Site, tmp_path: Path) -> None:
    with paused(where, "tuning") as run:
        assert run is not None
        assert run.ok
        assert hook_words(tmp_path) == ["before", "before ended"]
        assert open_pause(where.journal) is not None
    assert hook_words(tmp_path) == ["before", "before ended", "after", "after ended"]
    assert open_pause(where.journal) is None
    assert kinds(where) == [
        "pause begin",
        "hook begin",
        "hook-started note",
        "hook end",
        "hook begin",
        "hook-started note",
        "hook end",
        "pause end",
    ]
    assert [(run.name, run.code) for run in hook_runs(where.journal)] == [
        ("before", 0),
        ("after", 0),
    ]
    assert list((where.state / "hooks").glob("*.mark")) == []


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_it_ends_whatever_happens_in_it(
    where: Site, tmp_path: Path, error: type[BaseException]
) -> None:
    with pytest.raises(error), paused(where, "tuning"):
        raise error
    assert paired(hook_words(tmp_path))


def test_hooks_are_told_what_it_is_about(tmp_path: Path) -> None:
    line = 'echo "$AUTOTUNE_NIGHT_HOOK $AUTOTUNE_NIGHT_WHY $AUTOTUNE_NIGHT_TARGET"'
    where = site(tmp_path, hooks=Hooks(Hook(line), Hook(line)))
    with paused(where, "tuning"):
        pass
    assert [run.said for run in hook_runs(where.journal)] == [
        "before tuning coder",
        "after tuning coder",
    ]


def test_a_before_hook_that_fails_is_followed_by_the_after_hook(tmp_path: Path) -> None:
    hooks = Hooks(Hook("echo no such unit; exit 3"), Hook(f"echo after >> {tmp_path}/lines"))
    where = site(tmp_path, hooks=hooks)
    with pytest.raises(HookFailedError, match="before hook exited 3: no such unit") as caught:
        pause(where, "tuning")
    assert "before.log" in caught.value.hint
    assert hook_words(tmp_path) == ["after"]
    assert open_pause(where.journal) is None


def test_a_pause_in_a_pause_is_a_mistake(where: Site) -> None:
    with paused(where, "tuning"):
        with pytest.raises(RuntimeError, match="open already"):
            pause(where, "tuning")
        assert ensure_paused(where, "promotion") is None
    assert resume(where, "tuning") is None


def test_without_hooks_there_is_nothing_to_run(tmp_path: Path) -> None:
    where = site(tmp_path, hooks=Hooks())
    with paused(where, "tuning") as run:
        assert run is None
    assert kinds(where) == ["pause begin", "pause end"]
    assert hook_runs(where.journal) == ()


def test_a_ctrl_c_in_the_before_hook_waits_for_both(tmp_path: Path) -> None:
    words = tmp_path / "lines"
    before = f"echo before >> {words}; sleep 0.05; kill -INT {os.getpid()}; sleep 0.1; "
    hooks = Hooks(Hook(f"{before} echo before ended >> {words}"), Hook(f"echo after >> {words}"))
    where = site(tmp_path, hooks=hooks)
    with pytest.raises(KeyboardInterrupt):
        pause(where, "tuning")
    assert hook_words(tmp_path) == ["before", "before ended", "after"]
    assert where.journal.open_steps() == ()


def test_on_a_full_disk_the_after_hook_runs_all_the_same(
    where: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pause(where, "tuning")
    write = os.write

    def full(handle: int, data: Any) -> int:
        if bytes(data).startswith(b'{"n":'):
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(handle, data)

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="the disk is full"):
        resume(where, "tuning")
    assert hook_words(tmp_path) == ["before", "before ended", "after", "after ended"]


def killed_in(where: Site, name: str, *, mark: str | None, boot: str = BOOT) -> None:
    """A journal as a killed process leaves it while that hook runs, which left `mark` of itself."""
    journal = where.journal
    step = journal.begin(PAUSE, why="tuning", boot=boot, before=True)
    if name == "after":
        own = journal.begin(HOOK, name="before", pause=step.number, timeout_s=1.0, boot=boot)
        journal.end(own, name="before", ran=True, code=0)
    own = journal.begin(HOOK, name=name, pause=step.number, timeout_s=1.0, boot=boot)
    journal.append(STARTED, of=own.number, pid=2**22 + 1, mark="gone")
    if mark is not None:
        path = where.state / "hooks" / f"{own.number}.mark"
        path.parent.mkdir(exist_ok=True)
        path.write_text(mark, encoding="utf-8")


@pytest.mark.parametrize(
    ("name", "mark", "still_open", "runs"),
    [
        ("before", None, False, []),
        ("before", "began\n", True, [("before", None)]),
        ("before", "began\nended 0\n", True, [("before", 0)]),
        ("after", None, True, []),
        ("after", "began\n", True, [("after", None)]),
        ("after", "began\nended 0\n", False, [("after", 0)]),
        ("after", "began\nended 7\n", False, [("after", 7)]),
    ],
)
def test_what_a_killed_process_left_is_told_by_the_marks(
    where: Site, name: str, mark: str | None, still_open: bool, runs: list[tuple[str, int | None]]
) -> None:
    killed_in(where, name, mark=mark)
    found = settle_hooks(where)
    assert [(run.name, run.code) for run in found] == runs
    assert (open_pause(where.journal) is not None) is still_open
    assert [line.kind for line in where.journal.open_steps()] == ([PAUSE] if still_open else [])
    assert list((where.state / "hooks").glob("*.mark")) == []


@pytest.mark.parametrize("name", ["before", "after"])
def test_after_a_reboot_a_mark_that_is_not_there_says_nothing(where: Site, name: str) -> None:
    killed_in(where, name, mark=None, boot="another boot")
    assert [(run.name, run.code) for run in settle_hooks(where)] == [(name, None)]
    assert open_pause(where.journal) is not None


def test_a_pause_without_a_before_hook_is_resumed(tmp_path: Path) -> None:
    where = site(tmp_path, hooks=Hooks(after=Hook(f"echo after >> {tmp_path}/lines")))
    pause(where, "promotion")
    settle_hooks(where)
    assert open_pause(where.journal) is not None
    resume(where, "recovery")
    assert hook_words(tmp_path) == ["after"]
