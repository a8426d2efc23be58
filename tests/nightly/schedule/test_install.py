"""Installing and uninstalling, however often."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import MachineError
from autotune.nightly.schedule.choose import Asked, choose, schedulers
from autotune.nightly.schedule.install import InstallReport, install, uninstall
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.record import read_record
from autotune.nightly.schedule.scheduler import Machine

NOW = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
LATER = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

Do = Callable[..., InstallReport]


@pytest.fixture
def do(machine: Machine) -> Do:
    def run(plan: Plan, asked: Asked = "auto", now: datetime = NOW) -> InstallReport:
        every = schedulers(machine)
        return install(machine, every, choose(every, asked), plan, now)

    return run


def everything(machine: Machine) -> dict[str, bytes]:
    """What any schedule left on disk."""
    files = (path for path in machine.home.rglob("*") if path.is_file())
    return {str(path): path.read_bytes() for path in files}


def test_installing_again_changes_nothing(do: Do, plan: Plan, machine: Machine) -> None:
    first = do(plan)
    assert (first.effect, first.installed.kind) == ("installed", "systemd")
    assert all(Path(place).is_file() for place in first.places)
    before = everything(machine)
    again = do(plan, now=LATER)
    assert (again.effect, again.installed.installed_at) == ("unchanged", NOW)
    assert everything(machine) == before


def test_another_time_replaces_the_first(do: Do, plan: Plan, machine: Machine) -> None:
    do(plan)
    report = do(replace(plan, at=time(4, 0)), now=LATER)
    assert (report.effect, report.removed) == ("changed", ())
    record = read_record(machine, plan.name)
    assert record is not None
    assert (record.plan.at, record.installed_at) == (time(4, 0), LATER)


def test_what_was_changed_by_hand_is_mended(do: Do, plan: Plan) -> None:
    place = Path(do(plan).places[0])
    whole = place.read_text()
    place.write_text("[Service]\n")
    assert do(plan).effect == "changed"
    assert place.read_text() == whole


def test_one_scheduler_has_it_at_a_time(
    do: Do, plan: Plan, machine: Machine, crontab: Any, systemctl: Any
) -> None:
    crontab.table = b"0 5 * * * backup\n"
    do(plan, "cron")
    report = do(plan, "systemd")
    assert report.effect == "changed"
    assert report.removed[0] == "a line of the crontab of somebody"
    assert crontab.table == b"0 5 * * * backup\n"
    back = do(plan, "cron")
    assert {Path(p).suffix for p in back.removed} == {".service", ".timer"}
    assert systemctl.active == set()
    assert [p.name for p in machine.nightly.rglob("*.sh")] == ["cron.sh"]


def test_a_refusal_keeps_what_was_installed(
    do: Do, plan: Plan, machine: Machine, crontab: Any, systemctl: Any
) -> None:
    do(plan, "cron")
    before, table = everything(machine), crontab.table
    systemctl.fails = "enable"
    with pytest.raises(MachineError):
        do(replace(plan, at=time(4, 0)), "systemd")
    assert (everything(machine), crontab.table) == (before, table)


def test_uninstalling_leaves_no_trace(
    do: Do, plan: Plan, machine: Machine, crontab: Any, systemctl: Any
) -> None:
    crontab.table = b"0 5 * * * backup\n"
    for asked in ("systemd", "cron"):
        do(plan, asked)
        gone = uninstall(machine, schedulers(machine), plan.name)
        assert any(place.endswith("schedule.json") for place in gone)
        assert everything(machine) == {}
        assert crontab.table == b"0 5 * * * backup\n"
        assert systemctl.active == set()
    assert uninstall(machine, schedulers(machine), plan.name) == ()


def test_uninstalling_needs_no_record(do: Do, plan: Plan, machine: Machine, crontab: Any) -> None:
    do(plan, "cron")
    (machine.nightly / plan.name / "schedule.json").unlink()
    assert len(uninstall(machine, schedulers(machine), plan.name)) == 2
    assert crontab.table is None
    assert everything(machine) == {}


def test_secrets_that_others_may_read_are_told(do: Do, plan: Plan) -> None:
    plan.secrets.write_text("NTFY=x\n")
    plan.secrets.chmod(0o644)
    assert do(plan).notes == (f"others may read {plan.secrets}: chmod 600 {plan.secrets}",)
    plan.secrets.chmod(0o600)
    assert do(plan).notes == ()


def standing(folder: Path) -> dict[str, tuple[object, int]]:
    """Every file and link below `folder`: what it holds or leads to, and its mode."""
    found: dict[str, tuple[object, int]] = {}
    for path in folder.rglob("*"):
        if path.is_symlink():
            found[str(path)] = (path.readlink(), 0)
        elif path.is_file():
            found[str(path)] = (path.read_bytes(), path.stat().st_mode)
    return found


@pytest.mark.parametrize(
    "table", [None, b"", b"0 5 * * * backup\n", b"# no end", b"MAILTO=\r\n\xff"]
)
@pytest.mark.parametrize("asked", ["systemd", "cron"])
def test_what_stood_there_stands_there_exactly(
    do: Do, plan: Plan, machine: Machine, crontab: Any, asked: str, table: bytes | None
) -> None:
    user = machine.config_home / "systemd" / "user"
    (user / "timers.target.wants").mkdir(parents=True)
    (user / "backup.timer").write_text("[Timer]\n")
    (user / "backup.timer").chmod(0o600)
    (user / "timers.target.wants" / "backup.timer").symlink_to(user / "backup.timer")
    (machine.config_home / "autotune").mkdir()
    (machine.config_home / "autotune" / "nightly.env").write_text("NTFY=x\n")
    crontab.table = table
    before = standing(machine.home)
    do(plan, asked)
    do(replace(plan, at=time(4, 0)), asked)
    assert standing(machine.home) != before
    uninstall(machine, schedulers(machine), plan.name)
    assert standing(machine.home) == before
    assert (crontab.table or b"") == (table or b"")


def test_so_do_agents_of_macos(
    make_machine: Callable[..., Machine], plan: Plan, launchctl: Any
) -> None:
    machine = make_machine(platform="darwin")
    agents = machine.home / "Library" / "LaunchAgents"
    agents.mkdir(parents=True)
    (agents / "org.backup.plist").write_bytes(b"bplist00")
    launchctl.loaded.add("org.backup")
    before = standing(machine.home)
    every = schedulers(machine)
    install(machine, every, choose(every, "launchd"), plan, NOW)
    assert len(launchctl.loaded) == 2
    uninstall(machine, every, plan.name)
    assert standing(machine.home) == before
    assert launchctl.loaded == {"org.backup"}
