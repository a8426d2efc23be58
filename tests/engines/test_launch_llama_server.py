"""llama-server itself: what goes wrong with it, and what it says it runs with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import FailureKind, TrialError
from autotune.launchers.llama_server import LlamaServerLauncher, count_by_template
from autotune.launchers.process import free_port, launch
from autotune.launchers.protocol import LaunchContext, LaunchSpec, Server
from autotune.launchers.settings_check import differences

pytestmark = pytest.mark.engines

MakeContext = Callable[..., LaunchContext]
StopLater = Callable[[Server], Server]
SMALL: dict[str, Setting] = {"ctx-size": 512, "parallel": 1, "threads": 1, "warmup": False}


def failure_of(
    launcher: LlamaServerLauncher, context: LaunchContext, **settings: Setting
) -> FailureKind:
    given = {name.replace("_", "-"): value for name, value in settings.items()}
    with pytest.raises(TrialError) as caught:
        launch(launcher, Candidate({**SMALL, **given}), context)
    return caught.value.failure.kind


def test_detect_reads_version_and_flags(llama_server: Path) -> None:
    build = LlamaServerLauncher(llama_server).detect()
    assert "build" in build.version
    assert {"ctx-size", "kv-unified", "no-kv-unified", "spec-type", "fit"} <= build.flags
    assert "draft-max" not in build.flags


def test_a_config_file_that_nobody_asked_for(
    llama_server: Path, smollm2: Path, launch_context: MakeContext
) -> None:
    context = launch_context(smollm2)
    config = context.work_dir / "home" / ".config" / "llama.cpp" / "config.ini"
    config.parent.mkdir(parents=True)
    config.write_text("batch-size = 64\n", encoding="utf-8")
    assert failure_of(LlamaServerLauncher(llama_server), context) is FailureKind.HIDDEN_CONFIG


def test_a_port_that_another_server_holds(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, stop_later: StopLater
) -> None:
    launcher = LlamaServerLauncher(llama_server, port=free_port("127.0.0.1"))
    stop_later(launch(launcher, Candidate(SMALL), launch_context(smollm2)))
    assert failure_of(launcher, launch_context(smollm2)) is FailureKind.PORT_TAKEN


class WithoutModel(LlamaServerLauncher):
    """Starts what a forgotten ``--model`` starts: a router."""

    def command(self, candidate: Candidate, context: LaunchContext) -> LaunchSpec:
        spec = super().command(candidate, context)
        at = spec.argv.index("--model")
        return replace(spec, argv=spec.argv[:at] + spec.argv[at + 2 :])


def test_router_mode(llama_server: Path, smollm2: Path, launch_context: MakeContext) -> None:
    launcher = WithoutModel(llama_server)
    assert failure_of(launcher, launch_context(smollm2)) is FailureKind.ROUTER_MODE


def test_a_flag_that_the_build_lacks(
    llama_server: Path, smollm2: Path, launch_context: MakeContext
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    assert failure_of(launcher, launch_context(smollm2), mlock=True) is FailureKind.BAD_FLAG


@pytest.mark.parametrize(
    "settings",
    [
        {"batch_size": "many"},
        {"flash_attn": True},
        {"cache_type_v": "q8_0", "flash_attn": "off"},
        {"parallel": 0},
    ],
)
def test_a_value_that_it_refuses(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, settings: dict[str, Setting]
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    assert failure_of(launcher, launch_context(smollm2), **settings) is FailureKind.BAD_FLAG


def test_models_that_will_not_load(
    llama_server: Path, tmp_path: Path, launch_context: MakeContext
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    missing = launch_context(tmp_path / "missing.gguf")
    assert failure_of(launcher, missing) is FailureKind.MODEL_MISSING
    broken = tmp_path / "broken.gguf"
    broken.write_bytes(b"GGUF" + bytes(200))
    assert failure_of(launcher, launch_context(broken)) is FailureKind.LOAD_ERROR


def test_a_cache_that_does_not_fit(
    llama_server: Path, smollm2: Path, launch_context: MakeContext
) -> None:
    """16 million cells of 45 KiB are 720 GB."""
    launcher = LlamaServerLauncher(llama_server)
    huge: dict[str, Setting] = {
        "ctx_size": 16_000_000,
        "cache_type_k": "f32",
        "cache_type_v": "f32",
    }
    assert failure_of(launcher, launch_context(smollm2), **huge) is FailureKind.OUT_OF_MEMORY


def test_a_start_that_takes_too_long(
    llama_server: Path, smollm2: Path, launch_context: MakeContext
) -> None:
    context = launch_context(smollm2, start_timeout_s=0.0)
    assert failure_of(LlamaServerLauncher(llama_server), context) is FailureKind.TIMEOUT


def test_what_it_runs_with_is_what_was_asked(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, stop_later: StopLater
) -> None:
    asked: dict[str, Setting] = {
        **SMALL,
        "ctx-size": 1000,
        "parallel": 3,
        "kv-unified": False,
        "batch-size": 4096,
        "ubatch-size": 3000,
        "cache-type-k": "q8_0",
        "cache-type-v": "q8_0",
        "flash-attn": "on",
        "threads-batch": 2,
        "cache-ram": 100,
        "cache-idle-slots": False,
        "ctx-checkpoints": 5,
        "checkpoint-min-step": 64,
        "load-mode": "none",
        "spec-type": "ngram-map-k",
        "spec-ngram-map-k-size-n": 6,
        "metrics": True,
        "swa-full": True,
        "slot-prompt-similarity": 0.5,
    }
    launcher = LlamaServerLauncher(llama_server)
    server = stop_later(launch(launcher, Candidate(asked), launch_context(smollm2)))
    effective = launcher.effective(server)
    assert differences(asked, effective) == ()
    assert set(asked) - set(effective) == {"warmup", "slot-prompt-similarity"}
    assert effective["ctx-size"] == 1536
    assert (effective["batch-size"], effective["ubatch-size"]) == (1000, 1000)


def test_defaults_are_read_back_too(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, stop_later: StopLater
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    server = stop_later(launch(launcher, Candidate({"warmup": False}), launch_context(smollm2)))
    effective = launcher.effective(server)
    expected: dict[str, Setting] = {
        "ctx-size": 8192,
        "parallel": 4,
        "kv-unified": True,
        "cache-ram": 8192,
    }
    expected |= {"batch-size": 2048, "ubatch-size": 512, "spec-type": "none"}
    assert {name: effective[name] for name in expected} == expected


def test_prompts_are_counted_with_tools_and_without(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, stop_later: StopLater
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    server = stop_later(launch(launcher, Candidate(SMALL), launch_context(smollm2)))
    short = launcher.count_tokens(server, ({"role": "user", "content": "hi"},), ())
    long = launcher.count_tokens(server, ({"role": "user", "content": "hi " * 50},), ())
    assert short is not None
    assert long is not None
    # "hi " fifty times is one token for each word; the chat template is the same.
    assert 45 <= long - short <= 55


def test_older_builds_count_by_template_and_tokenizer(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, stop_later: StopLater
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    server = stop_later(launch(launcher, Candidate(SMALL), launch_context(smollm2)))
    messages = ({"role": "user", "content": "Read setup.py, then say what it does."},)
    by_template = count_by_template(server.base_url, {"messages": list(messages)})
    assert by_template == launcher.count_tokens(server, messages, ())


def test_a_refused_prompt_is_a_bad_reply(
    llama_server: Path, smollm2: Path, launch_context: MakeContext, stop_later: StopLater
) -> None:
    launcher = LlamaServerLauncher(llama_server)
    server = stop_later(launch(launcher, Candidate(SMALL), launch_context(smollm2)))
    with pytest.raises(TrialError) as caught:
        launcher.count_tokens(server, ({"role": "user"},), ())
    assert caught.value.failure.kind is FailureKind.BAD_REPLY
