"""What the tests on many workers need: found, installed once, and told where it is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

import scale_setup as setup
import toolbox

Commands = list[list[str]]


def programs(folder: Path, *names: str) -> Path:
    """A folder with programs that can be run."""
    folder.mkdir(parents=True)
    for name in names:
        (folder / name).write_text("#!/bin/sh\n")
        (folder / name).chmod(0o755)
    return folder


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> Commands:
    """What would have been run; venv's stand-in leaves a Python where venv would."""
    ran: Commands = []

    def run(argv: list[str | Path], cwd: Path | None = None) -> None:
        words = [str(word) for word in argv]
        ran.append(words)
        if words[1:3] == ["-m", "venv"]:
            programs(Path(words[3]) / "bin", "python")

    monkeypatch.setattr(setup, "run", run)
    return ran


def test_the_newest_whole_postgresql_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "nothing"))
    assert setup.postgres_folder([str(tmp_path)]) is None
    for version in ("9", "15", "14"):
        programs(tmp_path / version / "bin", *setup.PROGRAMS)
    programs(tmp_path / "17" / "bin", "initdb")
    assert setup.postgres_folder([str(tmp_path)]) == tmp_path / "15" / "bin"
    monkeypatch.setenv("PATH", str(programs(tmp_path / "own" / "18" / "bin", *setup.PROGRAMS)))
    assert setup.postgres_folder([str(tmp_path)]) == tmp_path / "own" / "18" / "bin"


def test_the_second_call_installs_nothing(
    commands: Commands,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    folder = programs(tmp_path / "pg" / "15" / "bin", *setup.PROGRAMS)
    monkeypatch.setattr(setup, "postgres_folder", lambda: folder)
    venv = tmp_path / "venv"
    assert setup.main(["--output", str(venv)]) == 0
    assert capsys.readouterr().out.strip() == str(folder)
    assert commands[0][1:] == ["-m", "venv", str(venv)]
    assert any(word.startswith(".[") and "ray" in word for word in commands[1])
    assert setup.main(["--output", str(venv)]) == 0
    assert len(commands) == 2


def test_another_pyproject_makes_it_anew(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    venv = tmp_path / "venv"
    setup.provide_venv(venv)
    monkeypatch.setattr(setup, "sha256", lambda _: "another")
    assert not setup.is_current(venv)
    setup.provide_venv(venv)
    assert setup.is_current(venv)
    assert len(commands) == 4


def test_an_install_that_breaks_off_is_never_taken_for_whole(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def fail(argv: list[str | Path], cwd: Path | None = None) -> None:
        raise toolbox.ToolError("pip failed with exit code 1: see above")

    monkeypatch.setattr(setup, "run", fail)
    monkeypatch.setattr(setup, "postgres_folder", lambda: tmp_path)
    assert setup.main(["--output", str(tmp_path / "venv")]) == 1
    assert not setup.is_current(tmp_path / "venv")


def test_without_postgresql_and_without_root_the_command_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "postgres_folder", lambda: None)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert setup.main([]) == 1
    assert "apt-get install" in capsys.readouterr().err


def test_root_installs_it_and_no_database_is_started(
    commands: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folders = iter([None, tmp_path])
    monkeypatch.setattr(setup, "postgres_folder", lambda: next(folders))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(setup.shutil, "which", lambda _: "/usr/bin/apt-get")
    monkeypatch.setattr(setup, "_OWN_CLUSTER", tmp_path / "etc" / "createcluster.conf")
    assert setup.provide_postgres() == tmp_path
    assert [words[:2] for words in commands] == [["apt-get", "update"], ["apt-get", "install"]]
    assert "false" in (tmp_path / "etc" / "createcluster.conf").read_text()
