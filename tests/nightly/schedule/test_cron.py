"""cron: by a made-up ``crontab`` here, by the real one and its daemon in test_cron_live.py."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from autotune.errors import MachineError
from autotune.nightly.schedule.cron import Cron, mark, without_mark
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Machine

OTHERS = b"SHELL=/usr/bin/fish\n# a comment\n0 5 * * 1 backup --all\xff\t \r\n\n@daily x # end"


@pytest.fixture
def cron(machine: Machine) -> Cron:
    return Cron(machine)


def script(machine: Machine) -> Path:
    return machine.nightly / "tuning-0a1b2c3d" / "cron.sh"


def test_the_line_is_in_front_and_the_rest_is_as_it_was(
    cron: Cron, plan: Plan, crontab: Any, machine: Machine
) -> None:
    crontab.table = OTHERS
    assert not cron.standing(plan).in_place
    cron.install(plan)
    line = f"30 2 * * * /bin/sh {script(machine)} # autotune-nightly tuning-0a1b2c3d\n"
    assert crontab.table == line.encode() + OTHERS
    assert cron.standing(plan).in_place
    assert script(machine).stat().st_mode & 0o777 == 0o700
    assert cron.remove(plan.name) == ("a line of the crontab of somebody", str(script(machine)))
    assert crontab.table == OTHERS
    assert cron.remove(plan.name) == ()


def test_installing_twice_is_one_line(cron: Cron, plan: Plan, crontab: Any) -> None:
    crontab.table = OTHERS
    cron.install(plan)
    cron.install(replace(plan, at=time(4, 5), days=(0, 6)))
    first, rest = crontab.table.split(b"\n", 1)
    assert first.startswith(b"5 4 * * 1,0 /bin/sh ")
    assert rest == OTHERS


def test_no_crontab_becomes_none_again(cron: Cron, plan: Plan, crontab: Any) -> None:
    cron.install(plan)
    assert crontab.table is not None
    cron.remove(plan.name)
    assert crontab.table is None


def test_another_folders_line_stays(cron: Cron, plan: Plan, crontab: Any) -> None:
    other = replace(plan, name="other-99999999")
    cron.install(other)
    table = crontab.table
    cron.install(plan)
    cron.remove(plan.name)
    assert crontab.table == table


def test_a_refusal_leaves_line_and_script(
    cron: Cron, plan: Plan, crontab: Any, machine: Machine
) -> None:
    cron.install(plan)
    table, text = crontab.table, script(machine).read_text()
    crontab.refuses = True
    with pytest.raises(MachineError, match="crontab did not take it: errors in crontab file"):
        cron.install(replace(plan, limit_s=60, command=("/bin/true",)))
    assert (crontab.table, script(machine).read_text()) == (table, text)


def test_a_crontab_that_cannot_be_read_is_never_written(
    cron: Cron, plan: Plan, commands: Any
) -> None:
    from autotune.nightly.schedule.commands import Ran

    said = "You (somebody) are not allowed to use this program (crontab)\n"
    commands.programs["crontab"] = lambda argv, stdin: Ran(1, b"", said)
    assert "not allowed" in (cron.unusable() or "")
    with pytest.raises(MachineError, match="not allowed"):
        cron.install(plan)
    assert {call[1] for call in commands.asked} == {"-l"}


def test_where_there_is_no_crontab_program(cron: Cron, plan: Plan, commands: Any) -> None:
    cron.install(plan)
    del commands.programs["crontab"]
    assert cron.unusable() == "there is no crontab program"
    assert cron.standing(plan).problem == "there is no crontab program"
    assert len(cron.remove(plan.name)) == 1  # its script


def test_what_was_changed_by_hand_is_told(
    cron: Cron, plan: Plan, crontab: Any, machine: Machine
) -> None:
    cron.install(plan)
    crontab.table = crontab.table.replace(b"30 2", b"30 3")
    assert "not in the crontab any more, or was changed" in (cron.standing(plan).problem or "")
    script(machine).write_text("#!/bin/sh\n")
    assert cron.standing(plan).problem == f"{script(machine)} was changed by hand"


def test_percent_signs_do_not_end_the_line(
    make_machine: Callable[..., Machine], plan: Plan, tmp_path: Path
) -> None:
    cron = Cron(make_machine(config_home=tmp_path / "it's 100%"))
    line = cron.artefacts(plan)[1].text
    assert "100\\%" in line
    assert "%" not in line.replace("\\%", "")


def test_a_line_that_cron_would_cut_is_refused(
    make_machine: Callable[..., Machine], plan: Plan
) -> None:
    cron = Cron(make_machine(config_home=Path("/" + "x" * 900)))
    with pytest.raises(MachineError, match="too long a path") as caught:
        cron.artefacts(plan)
    assert "XDG_CONFIG_HOME" in caught.value.hint


def test_a_daemon_that_does_not_run_is_told(
    make_machine: Callable[..., Machine], plan: Plan
) -> None:
    assert len(Cron(make_machine()).notes(plan)) == 1
    notes = Cron(make_machine(running=lambda: ["bash", "sshd"])).notes(plan)
    assert "no cron daemon seems to run" in notes[-1]


def test_the_output_is_in_a_file(cron: Cron, plan: Plan) -> None:
    assert cron.output(plan) == str(plan.log)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
@given(table=st.lists(st.binary(max_size=20), max_size=5).map(b"\n".join).filter(bool))
def test_any_other_bytes_come_back(cron: Cron, plan: Plan, crontab: Any, table: bytes) -> None:
    crontab.table = table
    cron.install(plan)
    assert crontab.table.endswith(table)
    cron.remove(plan.name)
    assert crontab.table == table


def test_only_whole_marks_count() -> None:
    ours, near = mark("a-1").encode(), mark("a-12").encode()
    table = b"x " + near + b"\n" + b"y " + ours + b"\r\n" + ours + b" z\n"
    assert without_mark(table, "a-1") == b"x " + near + b"\n" + ours + b" z\n"
