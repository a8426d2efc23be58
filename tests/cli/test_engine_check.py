"""``autotune engine check``, run as a person runs it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.cli.engine_check import lines_of
from autotune.cli.main import main
from autotune.launchers.contract import CHECKS, Outcome, Verdict, name_of

Manifest = Callable[..., Path]
Captured = pytest.CaptureFixture[str]


def check(manifest: Path, model: Path, *more: str) -> int:
    argv = ["engine", "check", str(manifest), "--model", str(model), "--set", "ubatch-size=256"]
    return main([*argv, *more])


def test_one_that_passes(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path
) -> None:
    """Every check is a line, in order; the counts go to stderr."""
    assert check(fake_engine_manifest(), fake_model) == 0
    shown = capsys.readouterr()
    lines = shown.out.splitlines()
    assert [line.split(":")[0].split()[1] for line in lines] == [name_of(c) for c in CHECKS]
    assert {line.split()[0] for line in lines} == {"[ok]", "[skip]"}
    assert f"{len(CHECKS)} checks: {len(CHECKS) - 1} ok, 0 warn, 0 fail, 1 skip" in shown.err


def test_a_warning_is_no_failure(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path
) -> None:
    assert check(fake_engine_manifest("no-cached-field"), fake_model) == 0
    lines = capsys.readouterr().out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("[warn]"))
    assert lines[at].startswith("[warn] reports-cached-tokens: the stream does not report cached")
    assert lines[at + 1].startswith("       why: Without it times are still true")
    assert lines[at + 2].startswith("       do:  switch its reporting on")
    assert not any(line.startswith("[fail]") for line in lines)


def test_what_fails_is_said_with_the_reason_and_what_to_do(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path
) -> None:
    manifest = fake_engine_manifest("cached-in-cold", "wrong-length", "wrong-settings")
    assert check(manifest, fake_model, "--json") == 3
    report = json.loads(capsys.readouterr().out)
    assert report["ok"] is False
    failed = {c["name"]: c for c in report["checks"] if c["verdict"] == "fail"}
    assert {name: c["problem"] for name, c in failed.items()} == {
        "starts-as-asked": "settings-differ: ubatch-size: asked 256, runs with 128",
        "pins-length": "asked for 7 tokens, got 6",
        "cold-is-cold": "the cache is off and 1 cached tokens are reported",
    }
    assert all(c["matters"] and c["remedy"] for c in failed.values())
    assert report["engine"] == "fake"


def test_logs_can_be_kept(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path, tmp_path: Path
) -> None:
    logs = tmp_path / "kept"
    assert check(fake_engine_manifest(), fake_model, "--logs", str(logs)) == 0
    kept = [path.read_text() for path in logs.glob("launch-*/engine.log")]
    assert sum("listening on" in text for text in kept) >= 4
    (tmp_path / "file").write_text("")
    assert check(fake_engine_manifest(), fake_model, "--logs", str(tmp_path / "file")) == 2
    assert "cannot make the folder" in capsys.readouterr().err


def test_without_a_model_file(capsys: Captured, fake_engine_manifest: Manifest) -> None:
    assert check(fake_engine_manifest(), Path("/no/model")) == 2
    assert "there is no model at /no/model" in capsys.readouterr().err


def test_an_engine_that_is_not_there(
    capsys: Captured, fake_engine_manifest: Manifest, fake_model: Path
) -> None:
    command = {"argv": ["no-such-engine", "{model}", "{settings}"]}
    assert check(fake_engine_manifest(command=command), fake_model) == 3
    assert "there is no program no-such-engine" in capsys.readouterr().err


def test_a_check_that_passed_with_a_remark() -> None:
    outcome = Outcome("a-check", "It holds.", None, Verdict.OK, "because", note="but look")
    assert lines_of(outcome) == ["[ok]   a-check: but look"]
