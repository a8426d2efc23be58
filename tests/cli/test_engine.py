"""``autotune engine``, run as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.cli.main import main

Manifest = Callable[..., Path]
Captured = pytest.CaptureFixture[str]


def test_list_names_every_engine_and_says_what_is_missing(
    capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["engine", "list", "--json"]) == 0
    engines = {row["name"]: row for row in json.loads(capsys.readouterr().out)["engines"]}
    assert set(engines) == {"llama-server", "reference"}
    assert engines["llama-server"]["problem"] == "there is no llama-server"
    assert "--engine-path" in engines["llama-server"]["hint"]
    assert engines["llama-server"]["version"] is None


def test_list_for_people(capsys: Captured, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert main(["engine", "list"]) == 0
    shown = capsys.readouterr()
    assert "not installed" in shown.out
    assert "llama-server: there is no llama-server; install llama.cpp" in shown.err


def test_flags_one_a_line(capsys: Captured, fake_engine_manifest: Manifest) -> None:
    assert main(["engine", "flags", str(fake_engine_manifest())]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert "--kv-unified" in lines
    assert lines == sorted(lines)


def test_flags_of_an_engine_that_does_not_tell(
    capsys: Captured, fake_engine_manifest: Manifest
) -> None:
    assert main(["engine", "flags", str(fake_engine_manifest(command={"help": []}))]) == 0
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "does not say which flags" in shown.err


def test_an_unknown_engine_is_a_usage_error(capsys: Captured) -> None:
    assert main(["engine", "flags", "lama-server"]) == 2
    assert "did you mean llama-server?" in capsys.readouterr().err


def test_check_that_passes(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path
) -> None:
    argv = ["engine", "check", str(fake_engine_manifest()), "--model", str(fake_model)]
    assert main([*argv, "--set", "ubatch-size=256"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 12
    assert all(line.startswith("[ok]   ") for line in lines)


def test_check_that_fails_says_what(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path
) -> None:
    manifest = fake_engine_manifest("cached-in-cold", "wrong-length", "wrong-settings")
    argv = ["engine", "check", str(manifest), "--model", str(fake_model), "--json"]
    assert main([*argv, "--set", "ubatch-size=256"]) == 3
    report = json.loads(capsys.readouterr().out)
    problems = {c["name"]: c["problem"] for c in report["checks"] if c["problem"] is not None}
    assert report["ok"] is False
    assert problems == {
        "starts-as-asked": "settings-differ: ubatch-size: asked 256, runs with 128",
        "pins-length": "asked for 7 tokens, got 6",
        "cold-is-cold": "the cache is off and 1 cached tokens are reported",
    }


def test_check_without_a_model_file(capsys: Captured, fake_engine_manifest: Manifest) -> None:
    argv = ["engine", "check", str(fake_engine_manifest()), "--model", "/no/model"]
    assert main(argv) == 2
    assert "there is no model at /no/model" in capsys.readouterr().err
