"""A tuned configuration to export."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from autotune.candidate import Setting
from autotune.export.model import ExportConfig, ExportProvenance


@pytest.fixture
def provenance() -> ExportProvenance:
    return ExportProvenance(
        study="demo",
        trial=7,
        engine="llama-server",
        engine_version="0.6.0 (build 11434)",
        engine_sha256="sha256:abab",
        model="/models/tiny.gguf",
        model_sha256="sha256:cdcd",
        gpu="A Processor",
        depth="0-10k",
        speedup=1.364,
        interval=(1.281, 1.444),
        confirmed=True,
        date="2026-11-01T11:00:00+00:00",
        autotune_version="0.1.0",
    )


@pytest.fixture
def config(provenance: ExportProvenance) -> ExportConfig:
    """Four settings, two of which differ from the defaults."""
    return ExportConfig(
        settings={"batch-size": 512, "kv-unified": False},
        full_settings={
            "batch-size": 512,
            "kv-unified": False,
            "ubatch-size": 512,
            "mlock": True,
            "cache-ram": -1,
        },
        argv=(
            *("llama-server", "--model", "/models/it's tiny.gguf", "--batch-size", "512"),
            *("--no-kv-unified", "--ubatch-size", "512", "--mlock", "--cache-ram", "-1"),
        ),
        env={"CUDA_VISIBLE_DEVICES": "GPU-1 $x"},
        provenance=provenance,
    )


GPU_UUID = "GPU-12345678-9abc-def0-1234-56789abcdef0"

Made = Callable[..., ExportConfig]


@pytest.fixture
def made(provenance: ExportProvenance) -> Made:
    """``made("vllm", ["/opt/vllm", "serve", "/m"], {"max-num-seqs": 4}, gpu=GPU_UUID)``."""

    def make(
        engine: str,
        argv: list[str],
        settings: Mapping[str, Setting] | None = None,
        *,
        env: Mapping[str, str] | None = None,
        gpu: str | None = "cpu",
        version: str = "0.6.0 (build 11434)",
        model: str = "/models/tiny.gguf",
    ) -> ExportConfig:
        facts = replace(
            provenance, engine=engine, engine_version=version, gpu_uuid=gpu, model=model
        )
        settings = settings or {}
        return ExportConfig(settings, settings, tuple(argv), env or {}, facts)

    return make


LLAMA = ["/opt/llama-server", "--model", "/models/it's tiny.gguf", "--host", "127.0.0.1"]


@pytest.fixture
def llama(made: Made) -> ExportConfig:
    """llama-server on an NVIDIA card, with every kind of flag."""
    argv = [*LLAMA, "--port", "8080", "--fit", "off", "--slots", "--no-context-shift"]
    argv += ["--batch-size", "512", "--no-kv-unified", "--poll", "7"]
    settings: dict[str, Setting] = {"batch-size": 512, "kv-unified": False, "poll": 7}
    pin = {"CUDA_VISIBLE_DEVICES": GPU_UUID}
    return made("llama-server", argv, settings, env=pin, gpu=GPU_UUID)


@pytest.fixture
def vllm(made: Made) -> ExportConfig:
    """vLLM with a variable, a JSON flag, switches and odd numbers."""
    argv = ["env", "VLLM_CPU_KVCACHE_SPACE=4", "/opt/vllm", "serve", "/models/tiny model"]
    argv += ["--host", "127.0.0.1", "--port", "8080", "--gpu-memory-utilization", "0.90"]
    argv += ["--no-enable-prefix-caching", "--enforce-eager", "--max-num-seqs", "4"]
    argv += ["--speculative-config", '{"method": "ngram", "num_speculative_tokens": 3}']
    settings: dict[str, Setting] = {"max-num-seqs": 4, "enforce-eager": True}
    pin = {"CUDA_VISIBLE_DEVICES": GPU_UUID}
    return made(
        "vllm", argv, settings, env=pin, gpu=GPU_UUID, version="0.32.0", model="/models/tiny model"
    )
