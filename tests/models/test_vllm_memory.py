"""vLLM's and SGLang's KV cache for one request, by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hf_folder import write_config

from autotune.models import sglang_memory, vllm_memory
from autotune.models.metadata import ModelInfo, read_model


def model(tmp_path: Path, **changes: Any) -> ModelInfo:
    """Two layers, 2 KV heads of 8 in 16 bits: a token of a layer takes 2 x 16 x 2 = 64 bytes."""
    return read_model(write_config(tmp_path, **changes))


@pytest.mark.parametrize(
    ("settings", "kv_bytes"),
    [
        ({"max-model-len": 1024}, 2 * 64 * 1024),
        ({}, 2 * 64 * 4096),
        ({"max-model-len": 1000}, 2 * 64 * 1008),  # whole blocks of 16
        ({"max-model-len": 1000, "block-size": 64}, 2 * 64 * 1024),
        ({"max-model-len": 1024, "kv-cache-dtype": "fp8_e4m3"}, 2 * 32 * 1024),
        # 32 values of a byte, and a scale of 4 bytes for K and for V of each head
        ({"max-model-len": 1024, "kv-cache-dtype": "int8_per_token_head"}, 2 * 48 * 1024),
        ({"max-model-len": 1024, "kv-cache-dtype": "nvfp4"}, 2 * 2 * 9 * 1024),
        ({"max-model-len": 1024, "tensor-parallel-size": 2}, 2 * 32 * 1024),
        ({"max-model-len": 1024, "tensor-parallel-size": 4}, 2 * 32 * 1024),
        ({"max-model-len": 1024, "dtype": "float32"}, 2 * 128 * 1024),
    ],
)
def test_full_attention(tmp_path: Path, settings: dict[str, Any], kv_bytes: int) -> None:
    need = vllm_memory.estimate(model(tmp_path), settings, gpu=True)
    assert need is not None
    assert need.kv_bytes == kv_bytes


def test_blocks_are_larger_on_a_processor(tmp_path: Path) -> None:
    need = vllm_memory.estimate(model(tmp_path), {"max-model-len": 1000}, gpu=False)
    assert need is not None
    assert need.kv_bytes == 2 * 64 * 1024  # blocks of 128
    assert (need.device_bytes, need.host_bytes) == (0, need.weights_bytes + need.kv_bytes)


def test_windows_hold_themselves_and_a_batch(tmp_path: Path) -> None:
    swa = model(tmp_path, sliding_window=64, layer_types=["sliding_attention", "full_attention"])
    settings = {"max-model-len": 4096, "max-num-batched-tokens": 512}
    need = vllm_memory.estimate(swa, settings, gpu=True)
    assert need is not None
    assert need.full_kv_bytes == 64 * 4096
    assert need.window_kv_bytes == 64 * 16 * (36 + 1)  # 63 + 512 tokens are 36 blocks
    theirs = sglang_memory.estimate(swa, {"context-length": 4096})
    assert theirs is not None
    assert theirs.kv_bytes == 64 * 4096 + 64 * 64


def test_a_latent_is_kept_once(tmp_path: Path) -> None:
    mla = model(tmp_path, model_type="deepseek_v3", kv_lora_rank=48, qk_rope_head_dim=16)
    assert vllm_memory.estimate(mla, {}, gpu=True) is None  # of weights that nobody knows
    weighed = replace(mla, weights_bytes=1000)
    settings = {"max-model-len": 1024, "context-length": 1024, "kv-cache-dtype": "fp8_e4m3"}
    need = vllm_memory.estimate(weighed, settings, gpu=True)
    theirs = sglang_memory.estimate(weighed, settings)
    assert need is not None
    assert theirs is not None
    assert need.kv_bytes == theirs.kv_bytes == 2 * 64 * 1024
    packed = vllm_memory.estimate(weighed, {**settings, "kv-cache-dtype": "fp8_ds_mla"}, gpu=True)
    assert packed is not None
    assert packed.kv_bytes == 2 * 656 * 1024


def test_states_of_recurrent_layers(tmp_path: Path) -> None:
    hybrid = model(tmp_path, layer_types=["conv", "full_attention"], conv_L_cache=3)
    need = vllm_memory.estimate(hybrid, {"max-model-len": 16}, gpu=True)
    assert need is not None
    assert need.recurrent_bytes == 2 * 32 * 2
    assert need.kv_bytes == 64 * 16


def test_float32_weights_are_halved(tmp_path: Path) -> None:
    wide = model(tmp_path, torch_dtype="float32")
    auto = vllm_memory.estimate(wide, {}, gpu=True)
    kept = vllm_memory.estimate(wide, {"dtype": "float32"}, gpu=True)
    assert auto is not None
    assert kept is not None
    assert kept.weights_bytes == wide.weights_bytes == 2 * auto.weights_bytes


@pytest.mark.parametrize("kind", ["turboquant_3bit_nc", "of-next-year"])
def test_what_is_not_worked_out_is_no_answer(tmp_path: Path, kind: str) -> None:
    plain = model(tmp_path)
    assert vllm_memory.estimate(plain, {"kv-cache-dtype": kind}, gpu=True) is None
    assert sglang_memory.estimate(plain, {"kv-cache-dtype": kind}) is None


def test_sglang_counts_tokens_without_blocks(tmp_path: Path) -> None:
    need = sglang_memory.estimate(model(tmp_path), {"context-length": 1001, "tp-size": 2})
    assert need is not None
    assert need.kv_bytes == 2 * 32 * 1001
