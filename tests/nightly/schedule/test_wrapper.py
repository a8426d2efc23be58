"""The script of cron and launchd, run for real."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.nightly.schedule.commands import SystemCommands
from autotune.nightly.schedule.files import write_files
from autotune.nightly.schedule.plan import Plan
from autotune.nightly.schedule.scheduler import Machine
from autotune.nightly.schedule.wrapper import wrapper, wrapper_path

TELL = "import os,sys; print(os.getcwd(), os.environ['PATH'], os.environ.get('HOOK'), sys.argv[1:])"


def run_script(machine: Machine, plan: Plan) -> int:
    write_files([wrapper(machine, plan, "cron")])
    script = wrapper_path(machine, plan.name, "cron")
    return subprocess.run(["/bin/sh", str(script)], env={}, cwd="/", timeout=30).returncode


@pytest.fixture
def real(make_machine: Callable[..., Machine]) -> Machine:
    """With the machine's own ``timeout``, where it has one."""
    return make_machine(commands=SystemCommands({"PATH": os.environ["PATH"]}))


def test_it_sets_up_what_cron_does_not(
    real: Machine, make_plan: Callable[..., Plan], tmp_path: Path
) -> None:
    folder = tmp_path / "it's 100% $HOME"
    folder.mkdir()
    plan = make_plan(
        folder=folder,
        command=(sys.executable, "-c", TELL, "a b", "$HOME", "'", "%"),
        environment={"PATH": "/usr/bin:/bin:/odd 'one'"},
        log=tmp_path / "state" / "schedule.log",
    )
    plan.secrets.write_text("HOOK='a secret'\n")
    assert run_script(real, plan) == 0
    assert run_script(real, plan) == 0
    told = f"{folder} /usr/bin:/bin:/odd 'one' a secret ['a b', '$HOME', \"'\", '%']\n"
    assert plan.log.read_text() == told * 2


def test_no_secrets_are_no_error(real: Machine, make_plan: Callable[..., Plan]) -> None:
    plan = make_plan(command=(sys.executable, "-c", "import sys; sys.exit(75)"))
    assert run_script(real, plan) == 75


def test_a_folder_that_is_gone_begins_no_night(real: Machine, plan: Plan, tmp_path: Path) -> None:
    assert run_script(real, replace(plan, folder=tmp_path / "gone")) == 3
    assert not plan.log.exists()


def test_the_limit_is_kept_where_there_is_timeout(machine: Machine, plan: Plan) -> None:
    assert "timeout" not in wrapper(machine, plan, "launchd").text
    machine.commands.programs["timeout"] = lambda argv, stdin: None  # type: ignore[attr-defined]
    line = wrapper(machine, plan, "cron").text.splitlines()[-1]
    limit = "exec /usr/bin/timeout --signal=INT --kill-after=120 18000 /bin/echo nightly run"
    assert line == limit


def test_a_line_break_is_refused(machine: Machine, make_plan: Callable[..., Plan]) -> None:
    with pytest.raises(UserError, match="a path holds a line break"):
        wrapper(machine, make_plan(folder=Path("/a\nb")), "cron")


def test_each_scheduler_has_its_own(machine: Machine, plan: Plan) -> None:
    places = {wrapper(machine, plan, kind).place for kind in ("cron", "launchd")}
    assert len(places) == 2
