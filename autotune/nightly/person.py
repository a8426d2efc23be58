"""When a person last touched this machine, as far as it tells."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

_TIMEOUT_S = 5.0
_HID = re.compile(r'"HIDIdleTime"\s*=\s*(\d+)')
_GRAPHICAL = frozenset({"x11", "wayland", "mir"})

Run = Callable[[Sequence[str]], str | None]
"""Runs a command: what it prints, ``None`` where it is not there or fails."""


def idle_s(*, run: Run | None = None, devices: Path = Path("/dev")) -> float | None:
    """Seconds since the last key or mouse of anybody, over every way to know it.

    Terminals tell by when they were last read (local, ssh, tmux), graphical sessions by
    ``loginctl`` (IdleSinceHint) and macOS by ``ioreg``. ``None`` where nobody is logged in, or
    nothing can be told.
    """
    ask = run or run_command
    found = [*_terminals(devices), *_graphical(ask), *_mac(ask)]
    return min(found, default=None)


def _terminals(devices: Path) -> Iterator[float]:
    """Of everybody who is logged in on one; the kernel stamps them to eight seconds."""
    for user in psutil.users():
        if user.terminal:
            with suppress(OSError):
                touched = (devices / user.terminal).stat().st_atime
                yield max(0.0, time.time() - touched)


def _graphical(run: Run) -> Iterator[float]:
    """Sessions with a screen. One that is not idle is in use now."""
    listed = run(["loginctl", "list-sessions", "--no-legend"])
    for session in (line.split()[0] for line in (listed or "").splitlines() if line.split()):
        told = run(["loginctl", "show-session", session])
        if told is not None and (seconds := graphical_idle_s(told, time.time())) is not None:
            yield seconds


def graphical_idle_s(told: str, now_s: float) -> float | None:
    """From what ``loginctl show-session`` prints; ``None`` for a session without a screen.

    A session whose desktop never says that it is idle cannot be told from one in use, so its word
    counts only where there is a stamp.
    """
    facts = dict(line.partition("=")[::2] for line in told.splitlines())
    if facts.get("Type") not in _GRAPHICAL or facts.get("State") == "closing":
        return None
    since_us = facts.get("IdleSinceHint", "")
    if not since_us.isdecimal() or int(since_us) == 0:
        return None
    return max(0.0, now_s - int(since_us) / 1e6) if facts.get("IdleHint") == "yes" else 0.0


def _mac(run: Run) -> Iterator[float]:
    told = run(["ioreg", "-c", "IOHIDSystem", "-d", "4"])
    for nanoseconds in _HID.findall(told or "")[:1]:
        yield int(nanoseconds) / 1e9


def run_command(argv: Sequence[str]) -> str | None:
    """What a command prints; ``None`` where it is not installed, fails or takes too long."""
    if shutil.which(argv[0]) is None:
        return None
    try:
        done = subprocess.run(
            list(argv), capture_output=True, text=True, timeout=_TIMEOUT_S, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout if done.returncode == 0 else None
