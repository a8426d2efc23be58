"""A machine of which every program is made up, and a plan to install on it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from autotune.nightly.schedule.commands import Ran
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Machine

Answer = Callable[[Sequence[str], bytes], Ran]


class MadeUp:
    """Programs that answer as the test says; what was asked is kept in `asked`."""

    def __init__(self, programs: Mapping[str, Answer]) -> None:
        self.programs = dict(programs)
        self.asked: list[tuple[str, ...]] = []

    def find(self, program: str) -> str | None:
        return f"/usr/bin/{program}" if program in self.programs else None

    def run(
        self, argv: Sequence[str], *, stdin: bytes = b"", extra_env: Mapping[str, str] | None = None
    ) -> Ran:
        self.asked.append(tuple(argv))
        return self.programs[argv[0]](argv, stdin)


class Crontab:
    """``crontab``: one table, or none."""

    def __init__(self, table: bytes | None = None) -> None:
        self.table = table
        self.refuses = False

    def __call__(self, argv: Sequence[str], stdin: bytes) -> Ran:
        if argv[1] == "-l":
            missing = Ran(1, b"", "no crontab for somebody\n")
            return missing if self.table is None else Ran(0, self.table)
        if self.refuses:
            return Ran(1, b"", "bad minute\nerrors in crontab file, can't install.\n")
        self.table = None if argv[1] == "-r" else stdin
        return Ran(0)


class Systemctl:
    """``systemctl --user``: units that were started; `fails` is a verb that goes wrong."""

    def __init__(self) -> None:
        self.active: set[str] = set()
        self.answers = True
        self.fails: str | None = None

    def __call__(self, argv: Sequence[str], stdin: bytes) -> Ran:
        verb, *rest = argv[2:]
        if not self.answers:
            return Ran(1, b"", "Failed to connect to bus: No medium found\n")
        if verb == self.fails:
            return Ran(1, b"", f"Failed to {verb} unit: no reason\n")
        if verb in ("restart", "start"):
            self.active.add(rest[-1])
        elif verb in ("stop", "disable"):
            self.active.discard(rest[-1])
        elif verb == "is-active":
            there = rest[-1] in self.active
            return Ran(0 if there else 3, b"active\n" if there else b"inactive\n")
        return Ran(0)


class Launchctl:
    """``launchctl``: agents by label."""

    def __init__(self) -> None:
        self.loaded: set[str] = set()
        self.refuses = False

    def __call__(self, argv: Sequence[str], stdin: bytes) -> Ran:
        verb, where = argv[1], argv[-1]
        if verb == "bootstrap":
            if self.refuses:
                self.refuses = False
                return Ran(5, b"", "Bootstrap failed: 5: Input/output error\n")
            self.loaded.add(Path(where).stem)
        name = where.rpartition("/")[2]
        if verb == "print":
            return Ran(0 if name in self.loaded else 113)
        if verb == "bootout":
            self.loaded.discard(name)
        return Ran(0)


@pytest.fixture
def crontab() -> Crontab:
    return Crontab()


@pytest.fixture
def systemctl() -> Systemctl:
    return Systemctl()


@pytest.fixture
def launchctl() -> Launchctl:
    return Launchctl()


@pytest.fixture
def commands(crontab: Crontab, systemctl: Systemctl, launchctl: Launchctl) -> MadeUp:
    """All programs but ``systemd-analyze``, which the tests of systemd add."""
    return MadeUp({"crontab": crontab, "systemctl": systemctl, "launchctl": launchctl})


@pytest.fixture
def make_machine(tmp_path: Path, commands: MadeUp) -> Callable[..., Machine]:
    """A machine of somebody; any field may be given."""

    def make(**fields: Any) -> Machine:
        home = tmp_path / "home"
        usual: dict[str, Any] = {
            "platform": "linux",
            "user": "somebody",
            "uid": 1000,
            "home": home,
            "config_home": home / ".config",
            "commands": commands,
            "running": lambda: ["cron"],
        }
        return Machine(**{**usual, **fields})

    return make


@pytest.fixture
def machine(make_machine: Callable[..., Machine]) -> Machine:
    return make_machine()


@pytest.fixture
def make_plan(tmp_path: Path) -> Callable[..., Plan]:
    """A plan for half past two; any field may be given."""

    def make(**fields: Any) -> Plan:
        usual: dict[str, Any] = {
            "name": "tuning-0a1b2c3d",
            "at": time(2, 30),
            "days": (),
            "limit_s": 18000,
            "command": ("/bin/echo", "nightly", "run"),
            "folder": tmp_path,
            "environment": {"PATH": "/usr/bin:/bin"},
            "secrets": tmp_path / "nightly.env",
            "log": tmp_path / "studies" / "nightly" / "schedule.log",
        }
        return Plan(**{**usual, **fields})

    return make


@pytest.fixture
def plan(make_plan: Callable[..., Plan]) -> Plan:
    return make_plan()
