"""``autotune engine list``: what is here, with its build, and what it takes of its space."""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from autotune.cli.main import main
from autotune.launchers.registry import known_engines

Captured = pytest.CaptureFixture[str]
OLD_SERVER = Path(__file__).parents[1] / "fakes" / "old_llama_server.py"


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache and a PATH that are this test's own."""
    programs = tmp_path / "bin"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return programs


def install_old_server(programs: Path) -> Path:
    """The fake of an old llama-server, which counts how often it is asked."""
    path = programs / "llama-server"
    shell = shutil.which("sh", path="/bin:/usr/bin")
    path.write_text(
        f'#!{shell}\necho "$1" >> {programs}/asked\nexec "{sys.executable}" "{OLD_SERVER}" "$@"\n'
    )
    path.chmod(0o755)
    return path


def listed(capsys: Captured, *more: str) -> dict[str, dict[str, Any]]:
    assert main(["engine", "list", "--json", *more]) == 0
    return {row["name"]: row for row in json.loads(capsys.readouterr().out)["engines"]}


def test_every_engine_is_named_and_what_is_missing(capsys: Captured) -> None:
    engines = listed(capsys)
    assert tuple(engines) == known_engines()
    missing = engines["llama-server"]
    assert missing["problem"] == "there is no llama-server"
    assert "--engine-path" in missing["hint"]
    assert (missing["version"], missing["accepted"]) == (None, None)
    assert missing["search_space"] == "llama-server"


def test_for_people(capsys: Captured) -> None:
    assert main(["engine", "list"]) == 0
    shown = capsys.readouterr()
    assert "not installed" in shown.out
    assert "llama-server: there is no llama-server; install llama.cpp" in shown.err


def test_an_older_build_takes_less_of_its_space(capsys: Captured, own_cache: Path) -> None:
    path = install_old_server(own_cache)
    row = listed(capsys)["llama-server"]
    assert row["version"] == "6325 (4d74393b)"
    assert row["path"] == str(path)
    assert len(row["binary_sha256"]) == 64
    assert (row["accepted"], row["parameters"], row["problem"]) == (24, 57, None)
    assert main(["engine", "list"]) == 0
    shown = capsys.readouterr()
    assert "24 of 57" in " ".join(shown.out.split())
    assert "autotune engine flags llama-server" in shown.err


def test_an_engine_is_asked_once_until_it_changes(capsys: Captured, own_cache: Path) -> None:
    path = install_old_server(own_cache)
    asked = own_cache / "asked"
    listed(capsys)
    listed(capsys)
    assert asked.read_text().split() == ["--version", "--help"]
    listed(capsys, "--fresh")
    assert len(asked.read_text().split()) == 4
    path.write_text(path.read_text() + "# rebuilt\n")
    listed(capsys)
    assert len(asked.read_text().split()) == 6
