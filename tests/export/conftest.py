"""A tuned configuration to export."""

from __future__ import annotations

import pytest

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
