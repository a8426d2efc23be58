"""What the estimate says against what llama-server allocates, and against a hard limit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from memory_run import MIB, Settings, reported, serves

from autotune.models.estimate import Demand
from autotune.models.llama_memory import estimate
from autotune.models.metadata import ModelInfo, read_model

pytestmark = pytest.mark.engines

ODD = "random-mimo2-128-r2.gguf"
"""KV heads that differ by layer, K wider than V, windows on half of the layers."""
MAMBA = "random-mamba-128-r2.gguf"
WINDOWS = "gemma-3-270m-q4_k_m.gguf"

ONE: Settings = {"ctx-size": 4096, "parallel": 1}
FOUR: Settings = {"ctx-size": 4096, "parallel": 4, "ubatch-size": 64}
SHARED: Settings = {"ctx-size": 4000, "parallel": 2, "kv-unified": True}
UNFUSED: Settings = {"ctx-size": 1000, "parallel": 3, "flash-attn": "off", "ubatch-size": 256}
QUANTIZED: Settings = {
    "ctx-size": 2048,
    "parallel": 1,
    "cache-type-k": "q5_1",
    "cache-type-v": "iq4_nl",
}
WHOLE: Settings = {"ctx-size": 4096, "parallel": 2, "swa-full": True}


def in_cache(name: str) -> Path:
    """A model that `make models` puts into the cache; skips where it is absent."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    path = cache / "autotune" / "models" / name
    if not path.is_file():
        pytest.skip(f"no model at {path}; run: make models")
    return path


def assert_alike(program: Path, model: Path, settings: Settings, folder: Path) -> None:
    """Weights and caches to the last digit that is printed, buffers and their sum within 5%."""
    need, said = estimate(read_model(model), settings), reported(program, model, settings, folder)
    kept = (need.weights_bytes + need.kv_bytes + need.recurrent_bytes) / MIB
    assert kept == pytest.approx(said.weights + said.kv + said.recurrent, abs=0.03)
    assert need.output_bytes / MIB == pytest.approx(said.output, abs=0.006)
    assert need.compute_bytes / MIB == pytest.approx(said.compute, rel=0.05, abs=0.25)
    assert kept + need.compute_bytes / MIB == pytest.approx(said.total, rel=0.05)


@pytest.mark.parametrize("settings", [ONE, FOUR, SHARED, UNFUSED, QUANTIZED])
def test_a_plain_model(
    llama_server: Path, smollm2: Path, tmp_path: Path, settings: Settings
) -> None:
    assert_alike(llama_server, smollm2, settings, tmp_path)


@pytest.mark.parametrize("settings", [ONE, SHARED, UNFUSED, QUANTIZED, WHOLE])
def test_sliding_windows(llama_server: Path, tmp_path: Path, settings: Settings) -> None:
    assert_alike(llama_server, in_cache(WINDOWS), settings, tmp_path)


@pytest.mark.parametrize("settings", [ONE, FOUR, SHARED, UNFUSED, QUANTIZED, WHOLE])
def test_an_unusual_head_layout(llama_server: Path, tmp_path: Path, settings: Settings) -> None:
    assert_alike(llama_server, in_cache(ODD), settings, tmp_path)


@pytest.mark.parametrize("settings", [ONE, FOUR])
def test_recurrent_states(llama_server: Path, tmp_path: Path, settings: Settings) -> None:
    assert_alike(llama_server, in_cache(MAMBA), settings, tmp_path)


SMALL: Settings = {"ctx-size": 1024, "parallel": 1, "cache-ram": 0}
GRID: tuple[tuple[str, Settings], ...] = (
    (ODD, {**SMALL, "ubatch-size": 1024}),
    (ODD, {**SMALL, "parallel": 2, "flash-attn": "off"}),
    (ODD, {**SMALL, "ctx-size": 2048, "cache-type-k": "q8_0", "cache-type-v": "q8_0"}),
    (ODD, {**SMALL, "parallel": 2, "kv-unified": True, "swa-full": True}),
    (MAMBA, {**SMALL, "parallel": 4}),
)


def need_of(model: ModelInfo, settings: Settings, prompts: tuple[int, ...]) -> int:
    """Bytes of host memory that the server is expected to take with its slots filled."""
    demand = Demand(session_tokens=prompts, turns=1)
    return estimate(model, settings, demand=demand).host_bytes


@pytest.mark.parametrize(("name", "settings"), GRID)
def test_what_is_predicted_to_fit_serves_within_a_hard_limit(
    llama_server: Path, tmp_path: Path, name: str, settings: Settings
) -> None:
    """And with a third less than predicted it does not: the prediction is no guess on top."""
    path = in_cache(name)
    slots = int(settings["parallel"])
    prompts = (int(settings["ctx-size"]) // slots - 16,) * slots
    need = need_of(read_model(path), settings, prompts)
    assert serves(llama_server, path, settings, tmp_path, limit_bytes=need, prompts=prompts)
    less = need * 2 // 3
    assert not serves(llama_server, path, settings, tmp_path, limit_bytes=less, prompts=prompts)
