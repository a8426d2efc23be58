"""Which scheduler, and why."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from autotune.errors import MachineError, UserError
from autotune.nightly.schedule.choose import choose, demand_usable, schedulers
from autotune.nightly.schedule.scheduler import Machine


def test_systemd_is_first_on_linux(machine: Machine) -> None:
    choice = choose(schedulers(machine))
    assert choice.scheduler.kind == "systemd"
    assert choice.why.startswith("a systemd user instance answers")


def test_cron_is_next_and_says_why(machine: Machine, systemctl: Any) -> None:
    systemctl.answers = False
    choice = choose(schedulers(machine))
    assert choice.scheduler.kind == "cron"
    assert choice.why == (
        "not systemd: no systemd user instance answers "
        "(Failed to connect to bus: No medium found); crontab is here"
    )


def test_launchd_is_first_on_macos(make_machine: Callable[..., Machine]) -> None:
    mac = make_machine(platform="darwin")
    assert [s.kind for s in schedulers(mac)] == ["launchd", "cron", "systemd"]
    assert choose(schedulers(mac)).scheduler.kind == "launchd"


def test_where_nothing_begins_jobs_each_reason_is_told(machine: Machine, commands: Any) -> None:
    commands.programs.clear()
    with pytest.raises(MachineError) as caught:
        choose(schedulers(machine))
    assert caught.value.message == (
        "nothing here can begin a night: not systemd: there is no systemctl; "
        "not cron: there is no crontab program; not launchd: launchd is of macOS"
    )
    assert "autotune nightly run" in caught.value.hint


def test_what_is_asked_for_is_taken(machine: Machine, systemctl: Any) -> None:
    choice = choose(schedulers(machine), "cron")
    assert (choice.scheduler.kind, choice.why) == ("cron", "it was asked for")
    systemctl.answers = False
    asked = choose(schedulers(machine), "systemd").scheduler
    with pytest.raises(MachineError, match=r"^systemd cannot be used here: no systemd user inst"):
        demand_usable(asked)
    with pytest.raises(UserError, match="there is no schedule 'cron'"):
        choose([asked], "cron")
