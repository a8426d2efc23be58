"""The table of formats: names, files, and which engine takes which."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import pytest

from autotune.cli.export import Format
from autotune.errors import UserError
from autotune.export.formats import FORMATS, formats_for, render, write_export
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions

UUID = "GPU-12345678-9abc-def0-1234-56789abcdef0"


def test_the_command_line_offers_every_format() -> None:
    assert get_args(Format) == tuple(FORMATS)


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_begins_with_its_provenance(
    name: str, llama: ExportConfig, vllm: ExportConfig, made: Any
) -> None:
    engines = FORMATS[name].engines or ("llama-server",)
    config = vllm if "vllm" in engines else llama
    if name == "sglang-args":
        config = made("sglang", ["/x", "--model-path", "/m/a"])
    if name == "manifest":
        config = made("reference", ["/x", "--model", "/m/a.gguf"])
    if name == "env":
        config = made("llama-server", ["/x", "--model", "/m/a.gguf"])
    text = render(config, name, ExportOptions(name="fast", image="mine:1"))
    first = "\n".join(text.splitlines()[:6])
    assert "demo" in first
    assert text.endswith("\n")


def test_a_format_of_another_engine_is_refused_with_those_that_fit(llama: ExportConfig) -> None:
    with pytest.raises(
        UserError, match="vllm-yaml is for vllm, and this config is for llama-server"
    ) as caught:
        render(llama, "vllm-yaml", ExportOptions())
    assert "llama-preset" in caught.value.hint
    assert "vllm" not in caught.value.hint
    assert "manifest" not in formats_for("llama-server")
    assert "manifest" in formats_for("/x/mine.toml")


def test_a_secret_stops_every_format(made: Any) -> None:
    config = made("llama-server", ["/x", "--api-key", "sk"])
    for name in formats_for("llama-server"):
        with pytest.raises(UserError, match="holds a secret"):
            render(config, name, ExportOptions())


def test_a_script_can_be_run_and_a_config_cannot(llama: ExportConfig, tmp_path: Path) -> None:
    write_export(tmp_path / "serve.sh", llama, "shell")
    write_export(tmp_path / "x.service", llama, "systemd")
    assert os.access(tmp_path / "serve.sh", os.X_OK)
    assert not os.access(tmp_path / "x.service", os.X_OK)


SURROUNDED = ("shell", "json", "llama-swap", "compose", "systemd", "kubernetes")


@pytest.mark.parametrize("name", SURROUNDED)
def test_the_environment_of_an_engine_of_ones_own_is_in_every_form(name: str, made: Any) -> None:
    env = {"MINE_MODE": "fast lane", "MINE_MODEL": "/m/a.gguf", "MINE_GPU": UUID}
    config = made("mine.toml", ["/x/run", "--model", "/m/a.gguf"], env=env, gpu=UUID)
    facts = replace(config.provenance, wanted_variables=("MINE_LICENSE",))
    text = render(replace(config, provenance=facts), name, ExportOptions(image="mine:1"))
    assert "MINE_MODE" in text
    assert "fast lane" in text
    assert "MINE_LICENSE" in text
    # In a container the card is given, and the model is where it is mounted.
    boxed = name in ("compose", "kubernetes")
    assert ("MINE_GPU" in text) is not boxed
    assert ("/models/a.gguf" in text) is boxed


@pytest.mark.parametrize("name", SURROUNDED)
def test_a_secret_among_the_variables_is_refused(name: str, made: Any) -> None:
    config = made("mine.toml", ["/x/run", "--model", "/m/a"], env={"MINE_API_KEY": "k"})
    with pytest.raises(UserError, match=r"holds a secret \(MINE_API_KEY\)"):
        render(config, name, ExportOptions(image="mine:1"))
