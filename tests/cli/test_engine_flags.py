"""``autotune engine flags``: the space beside the build, and the raw list."""

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


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def old_server(tmp_path: Path) -> Path:
    path = tmp_path / "llama-server"
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{OLD_SERVER}" "$@"\n')
    path.chmod(0o755)
    return path


def test_all_of_them_one_a_line(capsys: Captured, fake_engine_manifest: Manifest) -> None:
    assert main(["engine", "flags", str(fake_engine_manifest()), "--all"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "--kv-unified" in lines
    assert lines == sorted(lines)


def test_an_older_build_beside_the_space(capsys: Captured, old_server: Path) -> None:
    argv = ["engine", "flags", "llama-server", "--engine-path", str(old_server)]
    assert main(argv) == 0
    shown = capsys.readouterr()
    rows = {line.split()[0]: " ".join(line.split()[1:]) for line in shown.out.splitlines()}
    assert rows["batch-size"] == "--batch-size"
    assert rows["ctx-checkpoints"] == "--swa-checkpoints another name"
    assert rows["cache-ram"] == "unknown: not tuned"
    assert rows["flash-attn"] == "--flash-attn without auto"
    assert rows["cache-type-k"] == "--cache-type-k without q5_1"
    assert "24 of 57 parameters of llama-server can be tuned: 18 same, 6 renamed, 33 unknown" in (
        shown.err
    )


def test_the_same_for_programs(capsys: Captured, old_server: Path) -> None:
    argv = ["engine", "flags", "llama-server", "--engine-path", str(old_server), "--json"]
    assert main(argv) == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["version"], report["accepted"]) == ("6325 (4d74393b)", 24)
    rows = {row["name"]: row for row in report["parameters"]}
    assert rows["ctx-checkpoints"] == {
        "name": "ctx-checkpoints",
        "standing": "renamed",
        "called": "--swa-checkpoints",
        "refused_values": [],
        "advice": None,
        "searched": True,
    }
    assert rows["prio"]["searched"] is False
    assert rows["flash-attn"]["refused_values"] == ["auto"]
    assert "draft-max" in report["flags"]


def test_an_engine_that_does_not_tell(capsys: Captured, fake_engine_manifest: Manifest) -> None:
    manifest = str(fake_engine_manifest(command={"help": []}))
    assert main(["engine", "flags", manifest, "--all"]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "does not say which flags" in shown.err
    assert main(["engine", "flags", manifest]) == 0
    assert "? of 57 parameters of llama-server can be tuned: 57 untold" in capsys.readouterr().err


def test_an_engine_without_a_space(capsys: Captured, fake_engine_manifest: Manifest) -> None:
    """Its flags are listed all the same."""
    manifest = str(fake_engine_manifest(search_space="nowhere.toml"))
    assert main(["engine", "flags", manifest]) == 0
    shown = capsys.readouterr()
    assert "--kv-unified" in shown.out.splitlines()
    assert "there is no search space" in shown.err
