"""What a night is begun with."""

from __future__ import annotations

import os
import sys
from datetime import time
from pathlib import Path

import pytest

from autotune.cli import nightly_machine
from autotune.cli.nightly_machine import (
    config_home,
    make_plan,
    night_environment,
    program,
    this_machine,
    unheard_settings,
)
from autotune.nightly.schedule.plan import Plan


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)


def plan_of(folder: Path, studies_dir: str = "studies", *targets: str) -> Plan:
    return make_plan(folder, Path(studies_dir), targets, time(2, 30), (), 18000)


def test_the_machine_is_this_one() -> None:
    machine = this_machine()
    assert (machine.platform, machine.uid) == (sys.platform, os.getuid())
    assert machine.config_home == Path.home() / ".config"
    assert machine.commands.find("sh") is not None
    assert any(machine.running())


def test_the_configuration_is_where_xdg_says() -> None:
    assert config_home({"XDG_CONFIG_HOME": "/etc/mine"}) == Path("/etc/mine")
    assert config_home({"XDG_CONFIG_HOME": "mine"}) == Path.home() / ".config"


def test_the_program_is_named_by_its_whole_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/bin/python")
    assert program() == ("/nowhere/bin/python", "-m", "autotune.cli.main")


def test_the_script_beside_the_interpreter_is_preferred(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = tmp_path / "autotune"
    script.write_text("#!/bin/sh\n")
    script.chmod(0o755)
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    assert program() == (str(script),)


def test_only_what_finds_things_is_handed_on() -> None:
    environ = {"PATH": "/bin", "LD_LIBRARY_PATH": "/cuda", "HF_HOME": "/hf", "LANG": ""}
    secret = {"OPENAI_API_KEY": "x", "AUTOTUNE_BUDGET": "2h", "LLAMA_ARG_THREADS": "3"}
    assert night_environment({**environ, **secret}) == {
        "PATH": "/bin",
        "LD_LIBRARY_PATH": "/cuda",
        "HF_HOME": "/hf",
    }


def test_a_night_finds_the_studies_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = plan_of(tmp_path)
    assert plan.command == (*program(), "nightly", "run")
    assert plan.log == tmp_path / "studies" / "nightly" / "schedule.log"
    assert plan.secrets == Path.home() / ".config" / "autotune" / "nightly.env"
    (tmp_path / "autotune.toml").write_text('studies-dir = "elsewhere"\n')
    assert plan_of(tmp_path, str(tmp_path / "elsewhere")).command == plan.command


def test_another_place_for_studies_is_told_to_the_night(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AUTOTUNE_STUDIES_DIR", "by-hand")
    told = plan_of(tmp_path, "by-hand", "coder").command
    assert told[-4:] == ("run", "coder", "--studies-dir", str(tmp_path / "by-hand"))


def test_settings_of_this_shell_alone_are_named() -> None:
    environ = {"AUTOTUNE_BUDGET": "2h", "AUTOTUNE_STUDIES_DIR": "x", "AUTOTUNE_GPU": ""}
    assert unheard_settings(environ) == ("AUTOTUNE_BUDGET",)


def test_a_folder_has_one_name(tmp_path: Path) -> None:
    assert nightly_machine.make_plan(
        tmp_path, Path("studies"), (), time(2, 30), (), 60
    ).name.startswith("test-a-folder-has-one-name")
