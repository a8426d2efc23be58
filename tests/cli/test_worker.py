"""``autotune worker``: what it needs, and what it refuses without repeating it."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.errors import ExitCode

COMMON = ("--workload", "wl.jsonl", "--model", "m.gguf", "--engine", "reference")


@pytest.mark.parametrize("command", ["worker", "run"])
def test_a_password_on_the_command_line_is_refused_and_not_repeated(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    url = "postgresql://tuner:geheim@db/tuning"
    code = main([command, "--storage", url, "--study", "s", *COMMON])
    said = "".join(capsys.readouterr())
    assert code == ExitCode.USAGE
    assert "holds a password" in said
    assert "AUTOTUNE_STORAGE_PASSWORD" in said
    assert "geheim" not in said


@pytest.mark.parametrize(
    ("words", "missing"),
    [
        (("--study", "s"), "no storage"),
        (("--storage", "sqlite:///s.db"), "name of its own"),
        (
            ("--storage", "sqlite:///s.db", "--study", "s", "--engine", "reference,vllm"),
            "one engine",
        ),
        (("--storage", "sqlite:///s.db", "--study", "s", "--heartbeat", "0s"), "heartbeat"),
    ],
)
def test_what_is_missing_is_said(
    words: tuple[str, ...], missing: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["worker", *COMMON, *words]) == ExitCode.USAGE
    assert missing in capsys.readouterr().err


def test_the_password_is_no_setting_and_no_typing_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("AUTOTUNE_STORAGE_PASSWORD", "geheim")
    assert main(["config", "show", "--origins"]) == ExitCode.DONE
    said = "".join(capsys.readouterr())
    assert "geheim" not in said
    assert "STORAGE_PASSWORD" not in said
