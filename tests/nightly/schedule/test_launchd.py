"""launchd: by a made-up ``launchctl``; the property list is read back by plistlib."""

from __future__ import annotations

import os
import plistlib
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import MachineError
from autotune.nightly.schedule.launchd import Launchd
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Machine

LABEL = "autotune.nightly.tuning-0a1b2c3d"


@pytest.fixture
def mac(make_machine: Callable[..., Machine]) -> Machine:
    return make_machine(platform="darwin")


@pytest.fixture
def launchd(mac: Machine) -> Launchd:
    return Launchd(mac)


@pytest.fixture
def agent(mac: Machine) -> Path:
    return mac.home / "Library" / "LaunchAgents" / f"{LABEL}.plist"


def test_it_is_of_macos(machine: Machine, launchd: Launchd, commands: Any) -> None:
    assert Launchd(machine).unusable() == "launchd is of macOS"
    assert launchd.unusable() is None
    del commands.programs["launchctl"]
    assert launchd.unusable() == "there is no launchctl"


def test_the_property_list_says_when_and_what(
    launchd: Launchd, plan: Plan, agent: Path, mac: Machine, tmp_path: Path
) -> None:
    launchd.install(plan)
    assert plistlib.loads(agent.read_bytes()) == {
        "Label": LABEL,
        "ProgramArguments": ["/bin/sh", str(mac.nightly / plan.name / "launchd.sh")],
        "WorkingDirectory": str(tmp_path),
        "StartCalendarInterval": [{"Hour": 2, "Minute": 30}],
        "ProcessType": "Interactive",
        "ExitTimeOut": 120,
        "RunAtLoad": False,
    }


def test_days_begin_with_sunday(launchd: Launchd, plan: Plan, agent: Path) -> None:
    launchd.install(replace(plan, days=(0, 6)))
    intervals = plistlib.loads(agent.read_bytes())["StartCalendarInterval"]
    assert [i["Weekday"] for i in intervals] == [1, 0]
    assert {(i["Hour"], i["Minute"]) for i in intervals} == {(2, 30)}


def test_the_lists_lint_where_there_is_plutil(launchd: Launchd, plan: Plan, agent: Path) -> None:
    if shutil.which("plutil") is None:
        pytest.skip("plutil is of macOS")
    launchd.install(plan)
    assert subprocess.run(["plutil", "-lint", str(agent)]).returncode == os.EX_OK


def test_installing_again_replaces_the_agent(
    launchd: Launchd, plan: Plan, agent: Path, launchctl: Any, commands: Any
) -> None:
    launchd.install(plan)
    launchd.install(replace(plan, at=time(4, 0)))
    assert launchctl.loaded == {LABEL}
    assert plistlib.loads(agent.read_bytes())["StartCalendarInterval"][0]["Hour"] == 4
    verbs = [call[1:] for call in commands.asked if call[0] == "launchctl"]
    assert verbs[-3:] == [
        ("bootout", f"gui/1000/{LABEL}"),
        ("print", f"gui/1000/{LABEL}"),
        ("bootstrap", "gui/1000", str(agent)),
    ]


def test_a_refusal_brings_the_old_agent_back(
    launchd: Launchd, plan: Plan, agent: Path, launchctl: Any
) -> None:
    launchd.install(plan)
    before = agent.read_bytes()
    launchctl.refuses = True
    with pytest.raises(MachineError, match="launchctl bootstrap: Bootstrap failed: 5"):
        launchd.install(replace(plan, at=time(4, 0)))
    assert agent.read_bytes() == before
    assert launchctl.loaded == {LABEL}


def test_removing_leaves_nothing(
    launchd: Launchd, plan: Plan, agent: Path, launchctl: Any, mac: Machine
) -> None:
    launchd.install(plan)
    assert launchd.standing(plan).in_place
    assert launchd.remove(plan.name) == (
        str(agent),
        str(mac.nightly / plan.name / "launchd.sh"),
    )
    assert launchctl.loaded == set()
    assert launchd.remove(plan.name) == ()


def test_what_is_wrong_is_told(
    launchd: Launchd, plan: Plan, agent: Path, launchctl: Any, machine: Machine
) -> None:
    launchd.install(plan)
    assert Launchd(machine).standing(plan).problem == "launchd is of macOS"
    launchctl.loaded.clear()
    assert launchd.standing(plan).problem == "launchd does not know the agent"
    agent.unlink()
    assert launchd.standing(plan).problem == f"{agent} is gone"


def test_an_agent_that_is_slow_to_leave_is_waited_for(
    launchd: Launchd, plan: Plan, launchctl: Any, commands: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from autotune.nightly.schedule import launchd as module
    from autotune.nightly.schedule.commands import Ran

    monkeypatch.setattr(module, "LEAVING_PAUSE_S", 0.0)
    looks = iter([0, 0, 113])

    def slow(argv: Any, stdin: bytes) -> Ran:
        return Ran(next(looks)) if argv[1] == "print" else launchctl(argv, stdin)

    commands.programs["launchctl"] = slow
    launchd.install(plan)
    assert next(looks, None) is None


def test_nights_that_nothing_ends_are_told(launchd: Launchd, plan: Plan, commands: Any) -> None:
    assert "ends no night that takes too long" in launchd.notes(plan)[0]
    commands.programs["timeout"] = commands.programs["launchctl"]
    assert launchd.notes(plan) == ()
    assert launchd.output(plan) == str(plan.log)
