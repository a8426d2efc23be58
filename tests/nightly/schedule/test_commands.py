"""Programs of the machine, run for real."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.nightly.schedule import commands
from autotune.nightly.schedule.commands import Ran, SystemCommands


def test_a_program_is_found_and_runs_with_what_it_is_given() -> None:
    system = SystemCommands({"PATH": os.defpath, "WORD": "hello"})
    assert system.find("sh") in ("/bin/sh", "/usr/bin/sh")
    script = 'cat; echo "$WORD $MORE $LC_ALL"; echo oops >&2; exit 3'
    ran = system.run(("sh", "-c", script), stdin=b"in ", extra_env={"MORE": "more"})
    assert (ran.code, ran.out, ran.err) == (3, b"in hello more C\n", "oops\n")


def test_a_program_that_is_not_there_is_named(tmp_path: Path) -> None:
    system = SystemCommands({"PATH": str(tmp_path)})
    assert system.find("crontab") is None
    with pytest.raises(MachineError, match=r"^crontab is not here$"):
        system.run(("crontab", "-l"))


def test_a_program_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(commands, "TIMEOUT_S", 0.05)
    system = SystemCommands({"PATH": os.defpath})
    with pytest.raises(MachineError, match=r"^sh did not run to its end: no answer in 0 s$"):
        system.run(("sh", "-c", "exec sleep 30"))


def test_what_it_complained_with_is_its_last_line() -> None:
    assert Ran(1, b"", "first\nlast \n\n").said == "last"
    assert Ran(7).said == "exit code 7"
