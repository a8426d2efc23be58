from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.models.estimate import MIB
from autotune.models.kv_memory import padded
from autotune.models.llama_memory import estimate
from autotune.models.metadata import ModelInfo, read_model

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("settings", "full_mib", "window_mib"),
    [
        # 3 full layers x 256 x (2 + 2) bytes x 4096; 15 window layers x the same x 512 + 512 cells
        ({"ctx-size": 4096, "parallel": 1}, 12.0, 15.0),
        ({"ctx-size": 4096, "parallel": 1, "swa-full": True}, 12.0, 60.0),
        # four streams of 1024 cells each
        ({"ctx-size": 4096, "parallel": 4, "kv-unified": False}, 12.0, 60.0),
        # one pool: the window is kept for four sequences, 4 x 512 + 512 = 2560 cells
        ({"ctx-size": 4096, "parallel": 4, "kv-unified": True}, 12.0, 37.5),
        ({"ctx-size": 4096}, 12.0, 37.5),
        # q8_0 is 34/32 bytes a value, against 2: 27 x 17/32 = 14.34
        (
            {"ctx-size": 4096, "parallel": 1, "cache-type-k": "q8_0", "cache-type-v": "q8_0"},
            6.375,
            7.96875,
        ),
        # a smaller batch: 512 + 100 cells are padded to 768
        ({"ctx-size": 4096, "parallel": 1, "ubatch-size": 100}, 12.0, 11.25),
        # the window is never larger than the context
        ({"ctx-size": 256, "parallel": 1}, 0.75, 3.75),
    ],
)
def test_sliding_window_model_takes_what_llama_cpp_reports(
    gemma: ModelInfo, settings: dict[str, Any], full_mib: float, window_mib: float
) -> None:
    memory = estimate(gemma, settings)
    assert memory.full_kv_bytes / MIB == full_mib
    assert memory.window_kv_bytes / MIB == window_mib


@pytest.mark.parametrize(
    ("settings", "mib"),
    [
        ({"ctx-size": 2048, "parallel": 1}, 45.0),
        ({"ctx-size": 2048, "parallel": 1, "cache-type-v": "q4_0"}, 22.5 + 6.328125),
        (
            {"ctx-size": 2048, "parallel": 1, "cache-type-k": "q8_0", "cache-type-v": "q8_0"},
            23.90625,
        ),
        ({"ctx-size": 8192, "parallel": 2, "kv-unified": False}, 180.0),
        ({"ctx-size": 8192, "parallel": 2, "kv-unified": True}, 180.0),
        ({}, 180.0),  # what it was trained on: 8192
        ({"ctx-size": 0, "parallel": 1}, 180.0),
        # 1000 over three slots: 1024 // 3 = 341, padded to 512, three times
        ({"ctx-size": 1000, "parallel": 3}, 45.0 * 1536 / 2048),
        ({"ctx-size": 100, "parallel": 1}, 45.0 * 256 / 2048),
        # nothing stops at the trained length
        ({"ctx-size": 99999, "parallel": 1}, 45.0 * 100096 / 2048),
        ({"kv-unified-per-slot": 512, "parallel": 4, "kv-unified": True}, 45.0),
    ],
)
def test_plain_model(smol: ModelInfo, settings: dict[str, Any], mib: float) -> None:
    memory = estimate(smol, settings)
    assert memory.kv_bytes / MIB == pytest.approx(mib, abs=1e-9)
    assert memory.window_kv_bytes == 0


def test_recurrent_states_per_slot_and_draft(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {
        **llama_keys,
        "block_count": 8,
        "ssm.conv_kernel": 4,
        "ssm.inner_size": 64,
        "ssm.state_size": 16,
        "ssm.group_count": 2,
    }
    model = read_model(write_gguf("qwen35", keys))
    one = 6 * 1408 * 4  # six layers of 1408 float32
    assert estimate(model, {"parallel": 1}).recurrent_bytes == one
    assert estimate(model, {"parallel": 3}).recurrent_bytes == 3 * one
    drafting = {"parallel": 1, "spec-type": "draft-mtp", "spec-draft-n-max": 2}
    assert estimate(model, drafting).recurrent_bytes == 3 * one
    # two attention layers, 2 heads of 8, f16
    assert estimate(model, {"parallel": 1, "ctx-size": 1024}).kv_bytes == 2 * 2 * 8 * 4 * 1024


def test_latent_cache_holds_k_alone(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    keys = {
        **llama_keys,
        "attention.head_count_kv": 1,
        "attention.key_length": 576,
        "attention.value_length": 512,
        "attention.key_length_mla": 192,
        "attention.value_length_mla": 128,
    }
    model = read_model(write_gguf("deepseek2", keys))
    assert estimate(model, {"ctx-size": 1024, "parallel": 1}).kv_bytes == 2 * 576 * 2 * 1024


def test_draft_layers_hold_no_cache_and_load_only_when_used(
    write_gguf: Write, llama_keys: dict[str, Any]
) -> None:
    tensors = {f"blk.{i}.w": (64,) for i in range(3)} | {"token_embd.weight": (10, 32)}
    keys = {**llama_keys, "block_count": 3, "nextn_predict_layers": 1}
    model = read_model(write_gguf("glm4moe", keys, tensors=tensors))
    plain = estimate(model, {"ctx-size": 256, "parallel": 1})
    assert plain.kv_bytes == 2 * 2 * (8 + 8) * 2 * 256
    assert plain.weights_bytes == 2 * 128 + 640
    assert estimate(model, {"spec-type": "draft-mtp"}).weights_bytes == 3 * 128 + 640


@given(st.integers(1, 1 << 20))
def test_padding(tokens: int) -> None:
    assert padded(tokens) % 256 == 0
    assert 0 <= padded(tokens) - tokens < 256


def test_without_flash_attention_every_v_is_as_wide_as_the_widest(
    write_gguf: Write, llama_keys: dict[str, Any]
) -> None:
    """The server turns V then, and gives all layers the same room."""
    keys = {**llama_keys, "attention.head_count_kv": [1, 4], "attention.value_length": 4}
    model = read_model(write_gguf("deci", keys))
    base = {"ctx-size": 256, "parallel": 1}
    assert estimate(model, base).kv_bytes == (5 * 8 + 5 * 4) * 2 * 256
    assert estimate(model, {**base, "flash-attn": "off"}).kv_bytes == (5 * 8 + 8 * 4) * 2 * 256
