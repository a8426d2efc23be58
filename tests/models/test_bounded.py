"""Caches that grow while an engine serves, and where they stop."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autotune.models.bounded import NONE, Caches, bounded_caches
from autotune.models.info import ModelInfo
from autotune.models.metadata import read_model

MIB = 2**20
GIB = 2**30


@pytest.fixture
def model(fake_model: Path) -> ModelInfo:
    """Two layers with two KV heads of 16: 2 x 2 x (16 + 16) x 2 bytes a token at f16."""
    return read_model(fake_model)


def per_token(model: ModelInfo) -> int:
    width = model.key_length + model.value_length
    return sum(model.kv_heads[i] * width * 2 for i in model.attention_layers)


def test_evicted_prompts_are_kept_up_to_the_limit(model: ModelInfo) -> None:
    found = bounded_caches("llama-server", model, {"parallel": 1}, (1000, 500), gpu=False)
    assert found == Caches(0, 1500 * per_token(model), "its host prompt cache", 8192 * MIB)
    tight = {"parallel": 1, "cache-ram": 1}
    tokens = 2 * MIB // per_token(model)
    found = bounded_caches("llama-server", model, tight, (tokens,), gpu=True)
    assert found is not None
    assert (found.between_bytes, found.limit_bytes) == (MIB, MIB)


def test_a_cache_that_is_off_keeps_nothing(model: ModelInfo) -> None:
    settings = {"parallel": 1, "cache-ram": 0}
    assert bounded_caches("llama-server", model, settings, (1000,), gpu=False) == NONE


def test_a_cache_without_a_limit_has_none(model: ModelInfo) -> None:
    settings = {"parallel": 1, "cache-ram": -1}
    found = bounded_caches("llama-server", model, settings, (1000,), gpu=False)
    assert found is not None
    assert found.limit_bytes is None
    assert found.between_bytes == 1000 * per_token(model)


def test_saved_states_grow_within_a_session(model: ModelInfo) -> None:
    window = replace(model, sliding_window=512, window_layers=(0,))
    found = bounded_caches(
        "llama-server", window, {"parallel": 1, "cache-ram": 0}, (4000,), gpu=False
    )
    assert found is not None
    # Of one layer of two, 512 tokens, 32 times.
    assert found.within_bytes == 32 * 512 * per_token(model) // 2
    assert found.name == "its context checkpoints"
    assert found.limit_bytes == found.within_bytes


def test_other_engines(model: ModelInfo) -> None:
    asked = {"VLLM_CPU_KVCACHE_SPACE": 2}
    pool = bounded_caches("vllm", model, asked, (1000,), gpu=False)
    assert pool == Caches(2 * GIB, 2 * GIB, "its pool of KV blocks", 2 * GIB)
    assert bounded_caches("vllm", model, {}, (1000,), gpu=False) == Caches(
        4 * GIB, 4 * GIB, "its pool of KV blocks", 4 * GIB
    )
    assert bounded_caches("vllm", model, asked, (1000,), gpu=True) == NONE
    assert bounded_caches("sglang", model, {}, (1000,), gpu=True) == NONE
    assert bounded_caches("mine", model, {}, (1000,), gpu=False) is None


def test_settings_that_make_no_sense_are_not_known(model: ModelInfo) -> None:
    settings = {"cache-type-k": "q9_9"}
    assert bounded_caches("llama-server", model, settings, (1000,), gpu=False) is None
