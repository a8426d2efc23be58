"""``autotune engine flags --check-space``: a line a fault, and the code that says so."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.cli.main import main

Manifest = Callable[..., Path]
Captured = pytest.CaptureFixture[str]
OLD_SERVER = Path(__file__).parents[1] / "fakes" / "old_llama_server.py"
SPACE = """\
schema_version = "search-space/1"
engine = "fake"
[parameters.batch-size]
choices = [64, 128]
default = 64
concept = "batch size"
[parameters.no-such-thing]
choices = [1, 2]
default = 3
concept = "x"
"""


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_faults_of_a_file(capsys: Captured, tmp_path: Path, fake_engine_manifest: Manifest) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SPACE)
    argv = ["engine", "flags", str(fake_engine_manifest()), "--check-space", str(path)]
    assert main(argv) == 2
    shown = capsys.readouterr()
    assert shown.out.splitlines() == [
        "mine.toml: no-such-thing: its default, 3, is not among its choices",
        "mine.toml: no-such-thing: fake fake-engine 1.0 has no such flag (unknown)",
    ]
    assert shown.err.strip() == "mine.toml: 2 parameters, 2 faults"
    assert main([*argv, "--json"]) == 2
    report = json.loads(capsys.readouterr().out)
    assert (report["space"], report["ok"]) == ("mine.toml", False)
    assert report["faults"][0] == {
        "where": "mine.toml",
        "parameter": "no-such-thing",
        "reason": "its default, 3, is not among its choices",
    }


def test_an_engines_own_space(
    capsys: Captured, tmp_path: Path, fake_engine_manifest: Manifest
) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(SPACE.partition("[parameters.no-such")[0])
    manifest = fake_engine_manifest(search_space=str(path))
    assert main(["engine", "flags", str(manifest), "--check-space"]) == 0
    shown = capsys.readouterr()
    assert (shown.out, shown.err.strip()) == ("", "mine.toml: 1 parameter, no faults")


def test_what_another_engines_space_has_more_is_no_fault(
    capsys: Captured, fake_engine_manifest: Manifest
) -> None:
    assert main(["engine", "flags", str(fake_engine_manifest()), "--check-space"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "57 parameters, no faults; it is another engine's space" in shown.err
    assert "numa" in shown.err


def test_an_older_build_of_the_engine_itself(capsys: Captured, tmp_path: Path) -> None:
    path = tmp_path / "llama-server"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{OLD_SERVER}" "$@"\n')
    path.chmod(0o755)
    argv = ["engine", "flags", "llama-server", "--engine-path", str(path), "--check-space"]
    assert main(argv) == 2
    lines = capsys.readouterr().out.splitlines()
    assert "llama-server.toml: flash-attn: llama-server 6325 (4d74393b) does not take auto" in lines
    assert any("spec-type: llama-server 6325 (4d74393b) has no such flag" in x for x in lines)


def test_a_file_that_is_not_there_and_one_that_is_no_space(
    capsys: Captured, tmp_path: Path, fake_engine_manifest: Manifest
) -> None:
    manifest = str(fake_engine_manifest())
    assert main(["engine", "flags", manifest, "--check-space", str(tmp_path / "no.toml")]) == 2
    assert "cannot read" in capsys.readouterr().err
    path = tmp_path / "mine.toml"
    path.write_text("engine = ")
    assert main(["engine", "flags", manifest, "--check-space", str(path)]) == 2
    assert "mine.toml: not TOML" in capsys.readouterr().out
