"""Engines that a killed autotune left behind: found by their marks, and ended."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

import psutil

from autotune.launchers.marks import TRIAL, TUNER_PID, TUNER_START, start_mark


def sweep_leftovers() -> list[int]:
    """Kill engines whose tuner is dead, with their process groups; returns their ids, sorted.

    Only processes of this user that carry all of autotune's marks are looked at. An engine whose
    tuner still runs is never touched.
    """
    orphans = sorted(_orphans())
    for pid in orphans:
        _kill_group(pid)
    return orphans


def _orphans() -> Iterator[int]:
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if _is_mine(process) and _is_orphan(process.environ()):
                yield process.pid


def _is_mine(process: psutil.Process) -> bool:
    """Ours to judge: this user's, and of this process namespace.

    A host sees the processes of its containers, whose marks hold process ids of another count:
    there a tuner that lives would look dead.
    """
    if process.pid == os.getpid() or process.uids().real != os.getuid():
        return False
    return _namespace(process.pid) == _namespace(os.getpid())


def _namespace(pid: int) -> str | None:
    """The process namespace of `pid`; ``None`` where the system has no such thing."""
    try:
        return str(Path(f"/proc/{pid}/ns/pid").readlink())
    except OSError:
        return None


def _is_orphan(env: Mapping[str, str]) -> bool:
    """Whether the marks are there and name a tuner that is gone."""
    pid, start = env.get(TUNER_PID, ""), env.get(TUNER_START, "")
    if TRIAL not in env or not pid.isdigit() or not start:
        return False
    return start_mark(int(pid)) != start


def _kill_group(pid: int) -> None:
    """SIGKILL the group: `start` gave every engine its own, so nothing else is in it."""
    with suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        if group == os.getpgid(0):
            os.kill(pid, signal.SIGKILL)
        else:
            os.killpg(group, signal.SIGKILL)
