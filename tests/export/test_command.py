"""A command line taken apart and put together again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.errors import UserError
from autotune.export.command import Flag, command_of
from autotune.export.model import ExportConfig


def test_the_parts_of_a_plain_command(llama: ExportConfig) -> None:
    command = command_of(llama)
    assert command.program == ("/opt/llama-server",)
    assert command.model == "/models/it's tiny.gguf"
    assert command.value("--port") == "8080"
    assert command.flags[-1] == Flag("--poll", ("7",))
    assert command.words == llama.argv


def test_variables_in_front_and_a_model_without_a_flag(vllm: ExportConfig) -> None:
    command = command_of(vllm)
    assert command.env["VLLM_CPU_KVCACHE_SPACE"] == "4"
    assert command.env["CUDA_VISIBLE_DEVICES"].startswith("GPU-")
    assert command.program == ("/opt/vllm", "serve", "/models/tiny model")
    assert command.model == "/models/tiny model"
    assert command.words == vllm.argv[2:]


def test_a_python_module_belongs_to_the_program(llama: ExportConfig) -> None:
    argv = ("/venv/bin/python", "-m", "sglang.launch_server", "--model-path", "/m", "--port=7")
    command = command_of(replace(llama, argv=argv))
    assert command.program == ("/venv/bin/python", "-m", "sglang.launch_server")
    assert (command.model, command.value("--port")) == ("/m", "7")
    assert command.words == argv


def test_flags_are_replaced_added_and_left_out(llama: ExportConfig) -> None:
    command = command_of(llama).with_value("--host", "0.0.0.0").with_value("--alias", "x")
    assert command.value("--host") == "0.0.0.0"
    assert command.words[-2:] == ("--alias", "x")
    assert command.without("--alias", "--host").value("--host") is None


def test_only_what_differs_unless_all_is_asked(config: ExportConfig) -> None:
    assert "--ubatch-size" not in command_of(config).words
    assert command_of(config, full=True).words == config.argv


@pytest.mark.parametrize("flag", ["--api-key", "--hf-token", "--admin-api-key"])
def test_a_secret_is_never_exported(llama: ExportConfig, flag: str) -> None:
    with pytest.raises(UserError, match=f"holds a secret \\({flag}\\)"):
        command_of(replace(llama, argv=(*llama.argv, flag, "sk-123")))


def test_a_number_of_tokens_is_no_secret(llama: ExportConfig) -> None:
    argv = (*llama.argv, "--max-total-tokens", "4096")
    assert command_of(replace(llama, argv=argv)).value("--max-total-tokens") == "4096"
