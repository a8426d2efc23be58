"""The marks an engine carries in its environment: which trial it serves and who started it."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

TRIAL = "AUTOTUNE_TRIAL"
TUNER_PID = "AUTOTUNE_TUNER_PID"
TUNER_START = "AUTOTUNE_TUNER_START"

_START_TIME_FIELD = 22
"""Of /proc/PID/stat (proc(5)): start time in clock ticks after boot."""


def start_mark(pid: int) -> str | None:
    """When `pid` started, as text that tells a process from a later one with the same id.

    Linux: clock ticks since boot, which a step of the wall clock does not move. Elsewhere: the
    creation time in whole seconds. ``None`` when there is no such process.
    """
    stat = Path("/proc") / str(pid) / "stat"
    with suppress(OSError):
        # The second field is the name in brackets, which may itself hold blanks and brackets.
        after_name = stat.read_text(encoding="utf-8", errors="replace").rpartition(")")[2]
        return after_name.split()[_START_TIME_FIELD - 3]
    with suppress(psutil.Error):
        return str(int(psutil.Process(pid).create_time()))
    return None


def tuner_marks() -> dict[str, str]:
    """Who starts the engine, so that a later autotune can tell an orphan from a live trial's."""
    return {TUNER_PID: str(os.getpid()), TUNER_START: start_mark(os.getpid()) or ""}
