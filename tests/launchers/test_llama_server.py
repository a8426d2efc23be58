"""What the llama-server launcher answers without a llama-server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.errors import MachineError
from autotune.launchers.failure import TrialError
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.protocol import CacheArm, LaunchContext

MakeContext = Callable[..., LaunchContext]

SCRIPT = """#!/bin/sh
case "$1" in
  --version) echo "version: 0.6.0 (build 11434, commit abc)" >&2; echo "built with cc" >&2 ;;
  --help) printf -- '--jinja, --no-jinja    template\\n-c, --ctx-size N     context\\n' ;;
esac
"""


@pytest.fixture
def program(tmp_path: Path) -> Path:
    """An older llama-server, as far as its first words go."""
    path = tmp_path / "llama-server"
    path.write_text(SCRIPT, encoding="utf-8")
    path.chmod(0o755)
    return path


def test_the_program_comes_from_path(program: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{program.parent}:/bin:/usr/bin")
    build = LlamaServerLauncher().detect()
    assert build.version == "0.6.0 (build 11434, commit abc)"
    assert build.path == str(program)
    assert build.flags == {"jinja", "no-jinja", "ctx-size"}


def test_without_a_program_the_hint_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MachineError, match="there is no llama-server") as caught:
        LlamaServerLauncher().detect()
    assert "--engine-path" in caught.value.hint
    with pytest.raises(MachineError, match="there is no program /no/such"):
        LlamaServerLauncher(Path("/no/such")).detect()


def test_a_detected_build_is_only_given_what_it_takes(
    program: Path, launch_context: MakeContext
) -> None:
    launcher = LlamaServerLauncher(program)
    launcher.detect()
    context = launch_context(Path("/m.gguf"))
    argv = launcher.command(Candidate({"ctx-size": 4096}), context).argv
    assert argv == (
        *(str(program), "--model", "/m.gguf", "--host", "127.0.0.1", "--port", "0"),
        *("--jinja", "--ctx-size", "4096"),
    )
    with pytest.raises(TrialError, match="no flag --poll"):
        launcher.command(Candidate({"poll": 0}), context)


def test_the_cold_arm_has_no_host_cache_and_asks_for_no_reuse(launch_context: MakeContext) -> None:
    launcher = LlamaServerLauncher()
    context = launch_context(Path("/m.gguf"), cache_arm=CacheArm.OFF)
    spec = launcher.command(Candidate({"cache-ram": 8192}), context)
    assert spec.asked["cache-ram"] == 0
    assert spec.argv[spec.argv.index("--cache-ram") + 1] == "0"
    assert launcher.request_fields(CacheArm.OFF, 9) == {
        "stream_options": {"include_usage": True},
        "temperature": 0,
        "seed": 1,
        "cache_prompt": False,
        "max_tokens": 9,
        "ignore_eos": True,
    }


def test_the_warm_arm_leaves_the_cache_to_the_flag() -> None:
    fields = LlamaServerLauncher().request_fields(CacheArm.ON, None)
    assert "cache_prompt" not in fields
    assert "max_tokens" not in fields


def test_one_gpu_is_seen(launch_context: MakeContext) -> None:
    context = launch_context(Path("/m.gguf"), gpu_uuid="GPU-1")
    spec = LlamaServerLauncher().command(Candidate(), context)
    assert spec.env["CUDA_VISIBLE_DEVICES"] == "GPU-1"


def test_the_address_is_what_it_says() -> None:
    log = "I srv: using 5 threads\nI srv llama_server: listening on http://127.0.0.1:4321\n"
    assert LlamaServerLauncher().address(log) == "http://127.0.0.1:4321"
    assert LlamaServerLauncher().address("loading") is None


def test_export_is_without_our_logging(launch_context: MakeContext) -> None:
    launcher = LlamaServerLauncher(Path("/opt/llama-server"))
    context = launch_context(Path("/m.gguf"), port=8080)
    argv = launcher.export_argv(Candidate({"ctx-size": 4096}), context)
    assert argv == (
        *("/opt/llama-server", "--model", "/m.gguf", "--host", "127.0.0.1", "--port", "8080"),
        *("--fit", "off", "--slots", "--jinja", "--no-context-shift", "--cache-prompt"),
        *("--ctx-size", "4096"),
    )
