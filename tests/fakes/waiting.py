"""Waiting for what other processes do, and finding the engines that they left."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import psutil

WAIT_S = 60.0


def until(condition: Callable[[], bool], what: str, wait_s: float = WAIT_S) -> None:
    """Poll until `condition` holds; the test fails when it does not in `wait_s` seconds."""
    deadline_s = time.monotonic() + wait_s
    while not condition():
        assert time.monotonic() < deadline_s, f"never happened: {what}"
        time.sleep(0.02)


def fake_engines_of(folder: Path) -> list[int]:
    """Processes of the fake engine that serve a model below `folder`."""
    found = []
    for process in psutil.process_iter():
        try:
            line = process.cmdline()
        except psutil.Error:
            continue
        is_fake = any("fake_engine.py" in part for part in line)
        if is_fake and any(part.startswith(str(folder)) for part in line):
            found.append(process.pid)
    return found
