"""``autotune export --verify`` and the flags of formats, on a study that is on disk."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from autotune.cli.main import main
from autotune.export.verify import compose_rules


@pytest.fixture(autouse=True)
def here(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))
    monkeypatch.setattr(compose_rules.shutil, "which", lambda _: None)


@pytest.mark.usefixtures("study")
def test_a_checked_file_is_written_and_judged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["--format", "compose", "--name", "fast", "--image", "me/llama:1"]
    assert main(["export", "demo", *words, "--output", "compose.yaml", "--verify"]) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[0] == "compose.yaml is valid"
    assert "docker compose is not installed" in out
    assert err == "wrote compose.yaml\n"
    services = yaml.safe_load((tmp_path / "compose.yaml").read_text())["services"]
    assert services["fast"]["image"] == "me/llama:1"


@pytest.mark.usefixtures("study")
def test_a_verdict_as_json_leaves_no_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["export", "demo", "--format", "share", "--verify", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["format"], told["as_tuned"], told["started"]) == ("share", True, False)
    assert not (tmp_path / "share.json").exists()


@pytest.mark.usefixtures("study")
def test_a_model_that_is_not_here_cannot_be_started(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo", "--verify"]) == 3
    assert "there is no model at /models/tiny.gguf" in capsys.readouterr().err


@pytest.mark.usefixtures("study")
@pytest.mark.parametrize("name", ["compose", "kubernetes"])
def test_llama_servers_image_is_asked_for_with_an_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    assert main(["export", "demo", "--format", name, "--output", "out.yaml"]) == 2
    error, hint = capsys.readouterr().err.splitlines()
    assert error == (
        "error: this format runs llama-server in a container, and needs the image's name"
    )
    assert hint.startswith("hint: ")
    assert "--image llama.cpp:server" in hint
    assert not (tmp_path / "out.yaml").exists()


@pytest.mark.usefixtures("study")
def test_a_format_of_another_engine_is_a_usage_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", "demo", "--format", "vllm-yaml"]) == 2
    err = capsys.readouterr().err
    assert "vllm-yaml is for vllm, and this config is for llama-server" in err
    assert "hint: formats for llama-server: shell, json, llama-preset" in err
