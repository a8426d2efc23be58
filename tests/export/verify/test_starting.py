"""What is executed so that only the file decides."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.export.command import command_of
from autotune.export.model import ExportConfig
from autotune.export.verify.starting import Artefact, port_words, read_env_file, spec_of, used_port
from autotune.launchers.protocol import LaunchContext, LaunchSpec
from autotune.launchers.registry import make_launcher

Write = Callable[..., Path]
OURS = ("--port", "4321", "--verbosity", "4")


@pytest.fixture
def spec(write: Write, tmp_path: Path) -> Callable[[ExportConfig, str], LaunchSpec]:
    def make(config: ExportConfig, name: str) -> LaunchSpec:
        path = write(config, name)
        launcher = make_launcher(config.provenance.engine or "")
        context = LaunchContext(Path("/m"), tmp_path / "w", tmp_path / "log", "t", port=4321)
        return spec_of(Artefact(path, name, config), launcher, context)

    return make


def test_a_script_is_run_by_the_shell(spec: Any, llama: ExportConfig, tmp_path: Path) -> None:
    found = spec(llama, "shell")
    assert found.argv == ("/bin/sh", str(tmp_path / "shell.txt"), *OURS)
    assert found.base_url == "http://127.0.0.1:4321"
    # The script itself says which GPU.
    assert "CUDA_VISIBLE_DEVICES" not in found.env
    assert found.env["HOME"].startswith(str(tmp_path / "w"))


def test_json_gives_words_and_variables(spec: Any, llama: ExportConfig) -> None:
    found = spec(llama, "json")
    assert found.argv == (*llama.argv, *OURS)
    assert found.env["CUDA_VISIBLE_DEVICES"] == llama.env["CUDA_VISIBLE_DEVICES"]


def test_the_environment_file_and_what_it_leaves_to_the_command(spec: Any, made: Any) -> None:
    argv = ["/opt/llama-server", "--model", "/m/a.gguf", "--port", "8080", "--poll", "7"]
    found = spec(made("llama-server", argv), "env")
    assert found.argv == ("/opt/llama-server", "--poll", "7", *OURS)
    assert found.env["LLAMA_ARG_MODEL"] == "/m/a.gguf"
    assert "LLAMA_EXTRA_ARGS" not in found.env


def test_a_preset_is_given_to_a_router(spec: Any, llama: ExportConfig, tmp_path: Path) -> None:
    found = spec(llama, "llama-preset")
    preset = str(tmp_path / "llama-preset.txt")
    head = ("/opt/llama-server", "--models-preset", preset, "--host", "127.0.0.1")
    assert found.argv == (*head, *OURS)


def test_vllms_file_in_two_words_and_its_variables(
    spec: Any, vllm: ExportConfig, tmp_path: Path
) -> None:
    config = replace(vllm, full_settings={**vllm.full_settings, "VLLM_CPU_KVCACHE_SPACE": 4})
    found = spec(config, "vllm-yaml")
    head = ("/opt/vllm", "serve", "--config", str(tmp_path / "vllm-yaml.txt"))
    assert found.argv == (*head, "--port", "4321", "--enable-prompt-tokens-details")
    assert found.env["VLLM_CPU_KVCACHE_SPACE"] == "4"


def test_sglangs_arguments_are_those_of_the_file(spec: Any, made: Any) -> None:
    argv = ["/opt/python", "-m", "sglang.launch_server", "--model-path", "/m/a b", "--port", "8080"]
    found = spec(made("sglang", argv), "sglang-args")
    assert found.argv == (*argv, "--port", "4321")


def test_the_port_of_an_engine_of_ones_own(made: Any) -> None:
    named = command_of(made("mine", ["/x", "--listen", "8080"]))
    assert port_words(named, 9) == ("--listen", "9")
    joined = command_of(made("mine", ["/x", "--port=8080"]))
    assert port_words(joined, 9) == ("--port=9",)
    fixed = command_of(made("mine", ["/x"]))
    assert (port_words(fixed, 9), used_port(fixed, 9)) == ((), 8080)


def test_lines_of_an_environment_file() -> None:
    assert read_env_file("# a=b\nA=b=c d\n\nB=\n") == {"A": "b=c d", "B": ""}
