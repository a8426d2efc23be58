"""vLLM itself, on the processor. It takes half a minute to start, so starts are few."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate, Setting
from autotune.launchers.chat import Reply, chat
from autotune.launchers.contract import Bench
from autotune.launchers.failure import Failure, FailureKind, TrialError
from autotune.launchers.process import launch
from autotune.launchers.protocol import CacheArm, LaunchContext, Launcher, Server
from autotune.launchers.settings_check import differences
from autotune.launchers.vllm import VllmLauncher
from autotune.testing import HOSTILE_ENVIRONMENT, LauncherConformance

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

MakeContext = Callable[..., LaunchContext]
START_TIMEOUT_S = 300.0
MIB = 1024**2
SMALL: dict[str, Setting] = {
    "max-model-len": 4096,
    "max-num-seqs": 4,
    "enforce-eager": True,
    "kv-cache-memory-bytes": 256 * MIB,
}
"""Compiling would take another half minute of every start."""

TOOL = {
    "type": "function",
    "function": {
        "name": "read_file",
        "description": "Read a file",
        "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
    },
}
LONG = (
    {"role": "system", "content": "Read the file before you change it. " * 40},
    {"role": "user", "content": "list the files"},
)


class OneServer(Bench):
    """Both arms on one server: what makes the cold one cold is in its requests."""

    def running(self, arm: CacheArm = CacheArm.ON) -> Server:
        if self._kept is not None:
            self._kept.context = replace(self._kept.context, cache_arm=CacheArm.ON)
        server = super().running(CacheArm.ON)
        server.context = replace(server.context, cache_arm=arm)
        return server


class TestVllm(LauncherConformance):
    @pytest.fixture
    def launcher(self, vllm: Path) -> Launcher:
        return VllmLauncher(vllm)

    @pytest.fixture
    def model(self, tiny_hf: Path) -> Path:
        return tiny_hf

    @pytest.fixture
    def candidate(self) -> Candidate:
        return Candidate(SMALL)

    @pytest.fixture
    def bench(
        self, launcher: Launcher, model: Path, candidate: Candidate, tmp_path: Path
    ) -> Iterator[Bench]:
        folder = tmp_path / "bench"
        bench = OneServer(launcher, model, folder, candidate, start_timeout_s=START_TIMEOUT_S)
        yield bench
        bench.close()

    def test_hidden_settings_do_not_count(
        self, bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """On one start: everything searched is asked for, and what else there is does not show."""
        for name, value in HOSTILE_ENVIRONMENT.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("VLLM_CPU_NUM_OF_RESERVED_CPU", "1")
        monkeypatch.setenv("HOME", str(tmp_path / "somebody"))
        bench.candidate = Candidate(RICH)
        with bench.server() as server:
            runs_as_asked(bench.launcher, server)
            counts_tools(bench.launcher, server)
            reuses_whole_blocks_and_none_when_cold(bench.launcher, server)


RICH: dict[str, Setting] = {
    **SMALL,
    "max-num-batched-tokens": 1024,
    "enable-chunked-prefill": True,
    "enable-prefix-caching": True,
    "block-size": 32,
    "quantization": "model",
    "kv-cache-dtype": "auto",
    "kv-offloading-size": 0,
    "stream-interval": 1,
    "speculative-config.method": "ngram",
    "speculative-config.num_speculative_tokens": 4,
    "speculative-config.prompt_lookup_max": 5,
    "speculative-config.prompt_lookup_min": 2,
    "VLLM_CPU_NUM_OF_RESERVED_CPU": 0,
}


def runs_as_asked(launcher: Launcher, server: Server) -> None:
    effective = launcher.effective(server)
    assert differences(server.spec.asked, effective) == ()
    assert server.spec.asked == RICH
    # Only what is the server's own default is not among its words.
    assert set(RICH) - set(effective) == {"stream-interval"}


def counts_tools(launcher: Launcher, server: Server) -> None:
    bare = launcher.count_tokens(server, LONG, ())
    told = launcher.count_tokens(server, LONG, (TOOL,))
    assert bare is not None
    assert told is not None
    assert bare == said(launcher, server, CacheArm.ON).prompt_tokens
    assert told > bare + 20
    with pytest.raises(TrialError) as caught:
        launcher.count_tokens(server, ({"role": "user", "content": 7},), ())
    assert caught.value.failure.kind is FailureKind.BAD_REPLY


def said(launcher: Launcher, server: Server, arm: CacheArm) -> Reply:
    return chat(launcher, server, LONG, arm, 8)


def reuses_whole_blocks_and_none_when_cold(launcher: Launcher, server: Server) -> None:
    tokens = said(launcher, server, CacheArm.ON).prompt_tokens
    assert tokens is not None
    again = said(launcher, server, CacheArm.ON)
    assert again.cached_tokens == (tokens - 1) // 32 * 32
    assert [said(launcher, server, CacheArm.OFF).cached_tokens for _ in range(2)] == [0, 0]


def failure_of(vllm: Path, context: LaunchContext, **settings: Any) -> Failure:
    asked = {**SMALL, **{name.replace("_", "-"): value for name, value in settings.items()}}
    with pytest.raises(TrialError) as caught:
        launch(VllmLauncher(vllm), Candidate(asked), context)
    return caught.value.failure


def test_a_cache_too_small_says_how_long_the_context_may_be(
    vllm: Path, tiny_hf: Path, launch_context: MakeContext
) -> None:
    """4 layers x K and V x 128 values of 2 bytes are 2 KiB a token: 12 MiB hold 6144 of them.

    One block of 128 is never given away.
    """
    context = launch_context(tiny_hf, start_timeout_s=START_TIMEOUT_S)
    failure = failure_of(vllm, context, max_model_len=32768, kv_cache_memory_bytes=12 * MIB)
    assert failure.kind is FailureKind.OUT_OF_MEMORY
    assert failure.bound == {"max-model-len": 6144 - 128}


def test_a_context_beyond_the_model_says_how_long_it_may_be(
    vllm: Path, tiny_hf: Path, launch_context: MakeContext
) -> None:
    context = launch_context(tiny_hf, start_timeout_s=START_TIMEOUT_S)
    failure = failure_of(vllm, context, max_model_len=65536)
    assert failure.kind is FailureKind.BAD_FLAG
    assert failure.bound == {"max-model-len": 32768}
