"""systemd: by a made-up ``systemctl``, and verified by the real ``systemd-analyze``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import MachineError
from autotune.nightly.schedule.commands import Ran, SystemCommands
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Machine
from autotune.nightly.schedule.systemd import Systemd, verify_units

UNIT = "autotune-nightly-tuning-0a1b2c3d"


@pytest.fixture
def systemd(machine: Machine) -> Systemd:
    return Systemd(machine)


@pytest.fixture
def folder(machine: Machine) -> Path:
    return machine.config_home / "systemd" / "user"


def asked(commands: Any) -> list[tuple[str, ...]]:
    return [call[2:] for call in commands.asked if call[0] == "systemctl"]


def test_it_is_usable_where_an_instance_answers(
    systemd: Systemd, systemctl: Any, commands: Any
) -> None:
    assert systemd.unusable() is None
    systemctl.answers = False
    reason = "no systemd user instance answers (Failed to connect to bus: No medium found)"
    assert systemd.unusable() == reason
    del commands.programs["systemctl"]
    assert systemd.unusable() == "there is no systemctl"


def test_installing_writes_enables_and_starts(
    systemd: Systemd, plan: Plan, folder: Path, commands: Any, systemctl: Any
) -> None:
    assert not systemd.standing(plan).in_place
    systemd.install(plan)
    for artefact in systemd.artefacts(plan):
        assert Path(artefact.place).read_text() == artefact.text
    assert {p.name for p in folder.iterdir()} == {f"{UNIT}.service", f"{UNIT}.timer"}
    assert systemctl.active == {f"{UNIT}.timer"}
    # What it remembers of the last run goes first: a time of today that is over begins no night.
    assert asked(commands)[-5:] == [
        ("stop", f"{UNIT}.timer"),
        ("clean", "--what=state", f"{UNIT}.timer"),
        ("daemon-reload",),
        ("enable", f"{UNIT}.timer"),
        ("restart", f"{UNIT}.timer"),
    ]
    assert systemd.standing(plan).in_place


def test_a_refusal_leaves_what_was_there(
    systemd: Systemd, plan: Plan, folder: Path, systemctl: Any
) -> None:
    systemd.install(plan)
    before = {p.name: p.read_bytes() for p in folder.iterdir()}
    systemctl.fails = "enable"
    with pytest.raises(MachineError, match=r"^systemctl enable .*: Failed to enable unit: no reas"):
        systemd.install(replace(plan, at=time(4, 0)))
    assert {p.name: p.read_bytes() for p in folder.iterdir()} == before
    assert systemctl.active == {f"{UNIT}.timer"}


def test_a_refusal_of_the_first_one_leaves_nothing(
    systemd: Systemd, plan: Plan, folder: Path, systemctl: Any
) -> None:
    wants = folder / "timers.target.wants" / f"{UNIT}.timer"
    wants.parent.mkdir(parents=True)
    wants.symlink_to(folder / f"{UNIT}.timer")
    systemctl.fails = "restart"
    with pytest.raises(MachineError):
        systemd.install(plan)
    assert [p for p in folder.rglob("*") if not p.is_dir()] == []
    assert systemctl.active == set()


def test_removing_leaves_other_units_alone(
    systemd: Systemd, plan: Plan, folder: Path, systemctl: Any
) -> None:
    systemd.install(plan)
    other = replace(plan, name="other-99999999")
    systemd.install(other)
    gone = systemd.remove(plan.name)
    assert gone == (str(folder / f"{UNIT}.service"), str(folder / f"{UNIT}.timer"))
    assert systemctl.active == {"autotune-nightly-other-99999999.timer"}
    assert systemd.standing(other).in_place
    assert systemd.remove(plan.name) == ()


def test_removing_works_where_no_instance_answers(
    systemd: Systemd, plan: Plan, folder: Path, systemctl: Any
) -> None:
    systemd.install(plan)
    wants = folder / "timers.target.wants" / f"{UNIT}.timer"
    wants.parent.mkdir()
    wants.symlink_to(folder / f"{UNIT}.timer")
    systemctl.answers = False
    assert str(wants) in systemd.remove(plan.name)
    assert [p for p in folder.rglob("*") if not p.is_dir()] == []


def test_what_is_wrong_is_told(systemd: Systemd, plan: Plan, folder: Path, systemctl: Any) -> None:
    systemd.install(plan)
    systemctl.active.clear()
    assert systemd.standing(plan).problem == f"{UNIT}.timer is inactive"
    systemctl.answers = False
    assert "no systemd user instance answers" in (systemd.standing(plan).problem or "")
    (folder / f"{UNIT}.timer").write_text("[Timer]\n")
    assert systemd.standing(plan).problem == f"{folder}/{UNIT}.timer was changed by hand"


@pytest.mark.parametrize(("linger", "noted"), [(b"yes\n", False), (b"no\n", True)])
def test_lingering_is_asked_for_once(
    systemd: Systemd, plan: Plan, commands: Any, linger: bytes, noted: bool
) -> None:
    assert systemd.notes(plan) == ()  # no loginctl, no advice
    commands.programs["loginctl"] = lambda argv, stdin: Ran(0, linger)
    notes = systemd.notes(plan)
    assert bool(notes) is noted
    assert all(note.endswith(": loginctl enable-linger somebody") for note in notes)


def test_units_that_are_refused_are_not_written(
    systemd: Systemd, plan: Plan, folder: Path, commands: Any
) -> None:
    said = f"/tmp/x/{UNIT}.service:12: Failed to parse time value, ignoring: abc\n"
    commands.programs["systemd-analyze"] = lambda argv, stdin: Ran(0, b"", said)
    with pytest.raises(MachineError, match="Failed to parse time value"):
        systemd.install(plan)
    assert not folder.exists()


def test_what_is_said_of_other_units_is_none_of_ours(
    systemd: Systemd, plan: Plan, commands: Any
) -> None:
    said = "/usr/lib/systemd/user/pulse.service:3: Unknown key name 'X', ignoring.\n"
    commands.programs["systemd-analyze"] = lambda argv, stdin: Ran(0, b"", said)
    systemd.install(plan)
    assert systemd.standing(plan).in_place


def test_the_output_is_in_the_journal(systemd: Systemd, plan: Plan) -> None:
    assert systemd.output(plan) == f"journalctl --user -u {UNIT}.service"


@pytest.fixture
def real(make_machine: Callable[..., Machine]) -> Machine:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("no systemd-analyze here")
    return make_machine(commands=SystemCommands(dict(os.environ)))


def test_systemd_verifies_the_units(
    real: Machine, make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    folder = tmp_path / 'a b "c" 100% $HOME'
    folder.mkdir()
    for plan in (
        make_plan(),
        make_plan(days=(0, 3, 6), folder=folder, environment={"PATH": '/a b:/"c":/100%:$x'}),
        make_plan(command=("/bin/echo", "$HOME", "100%", '"', "\\", ";")),
    ):
        assert verify_units(real, Systemd(real).artefacts(plan)) is None


@pytest.mark.parametrize(
    ("key", "broken", "said"),
    [
        ("TimeoutStopSec=120", "TimeoutStopSec=abc", "Failed to parse"),
        ("Type=oneshot", "Type=oneshot\nRuntimeMaxSec=3h", "has no effect in combination"),
        ('ExecStart="/bin/echo"', 'ExecStart="/no/such/program"', "is not executable"),
        ("OnCalendar=*-*-* 02:30:00", "OnCalendar=25:99", "Failed to parse calendar"),
    ],
)
def test_systemd_finds_what_is_wrong(
    real: Machine, plan: Plan, key: str, broken: str, said: str
) -> None:
    units = [replace(a, text=a.text.replace(key, broken)) for a in Systemd(real).artefacts(plan)]
    assert said in (verify_units(real, units) or "")
