"""Buffers as llama-server b11434 reported them, in MiB."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.models.estimate import MIB
from autotune.models.llama_memory import estimate
from autotune.models.metadata import ModelInfo, read_model


def settings(text: str) -> dict[str, Any]:
    """``ctx slots ubatch flash-attn type``."""
    ctx, slots, ubatch, flash, kind = text.split()
    return {
        "ctx-size": int(ctx),
        "parallel": int(slots.rstrip("u")),
        "kv-unified": slots.endswith("u"),
        "ubatch-size": int(ubatch),
        "flash-attn": flash,
        "cache-type-k": kind,
        "cache-type-v": kind,
    }


@pytest.mark.parametrize(
    ("config", "mib"),
    [
        ("4096 1 512 on f16", 18.64),
        ("4096 1 64 on f16", 2.33),
        ("4096 1 2048 on f16", 74.57),
        ("8192 1 512 on f16", 22.64),
        ("16384 1 512 on f16", 30.64),
        ("4096 4 512 on f16", 15.64),
        ("4096 4u 512 on f16", 18.64),
        ("4096 1 512 on q8_0", 18.67),
    ],
)
def test_plain_model(smol: ModelInfo, config: str, mib: float) -> None:
    memory = estimate(replace(smol, n_vocab=49152), settings(config))
    assert memory.compute_bytes / MIB == pytest.approx(mib, rel=0.05)


@pytest.mark.parametrize(
    ("config", "mib"),
    [
        ("4096 1 512 off f16", 87.51),
        ("4096 1 128 off f16", 21.88),
        ("16384 1 512 off f16", 327.51),
        ("4096 4 512 off f16", 27.51),
    ],
)
def test_without_flash_attention_the_scores_are_written_out(
    smol: ModelInfo, config: str, mib: float
) -> None:
    """9 heads x 4096 cells x 512 tokens x 4 bytes = 72 MiB of scores."""
    memory = estimate(smol, settings(config))
    assert memory.compute_bytes / MIB == pytest.approx(mib, rel=0.02)
    assert memory.compute_bytes / MIB >= mib
    scores = 9 * int(config.split()[2]) * 4 * (1024 if " 4 " in config else int(config.split()[0]))
    assert memory.work_bytes == scores / 2  # converted to f16


@pytest.mark.parametrize(
    ("config", "mib"),
    [
        ("4096 1 512 on f16", 23.28),
        ("4096 1 2048 on f16", 99.11),
        ("16384 1 512 on f16", 35.28),
        ("4096 4 512 on f16", 20.28),
        ("4096 4u 512 on f16", 24.78),
        ("4096 1 512 off f16", 54.27),
        ("16384 1 512 off f16", 174.27),
        ("8192 4u 64 on f16", 6.07),
    ],
)
def test_sliding_windows(gemma: ModelInfo, config: str, mib: float) -> None:
    memory = estimate(replace(gemma, n_vocab=262144), settings(config))
    assert memory.compute_bytes / MIB == pytest.approx(mib, rel=0.01)
    assert memory.output_bytes / MIB == int(config.split()[1].rstrip("u"))


@pytest.mark.parametrize(("ubatch", "mib"), [(64, 0.49), (512, 3.78), (2048, 15.05)])
def test_state_space_model(write_gguf: Callable[..., Path], ubatch: int, mib: float) -> None:
    keys = {"block_count": 6, "context_length": 8192, "embedding_length": 128}
    keys |= {"attention.head_count": 0, "ssm.inner_size": 256, "ssm.state_size": 16}
    model = read_model(write_gguf("mamba", {**keys, "ssm.conv_kernel": 4}))
    memory = estimate(model, {"parallel": 1, "ubatch-size": ubatch})
    assert memory.compute_bytes / MIB == pytest.approx(mib, rel=0.05)
    assert memory.recurrent_bytes == 6 * 4 * (3 * 256 + 16 * 256)


def test_experts_count_as_many_times_as_they_are_used(
    write_gguf: Callable[..., Path], llama_keys: dict[str, Any]
) -> None:
    keys = {**llama_keys, "expert_count": 8, "expert_used_count": 2}
    keys |= {"feed_forward_length": 100, "expert_feed_forward_length": 64}
    model = read_model(write_gguf("qwen3moe", keys))
    assert (model.feed_forward, model.n_expert_used) == (128, 2)
    base = {"ctx-size": 256, "parallel": 1, "ubatch-size": 256}
    # gate, up, product: 3 x 128; five vectors; two experts' results, twice: 4 x 32
    values = 3 * 128 + 5 * 32 + 4 * 32
    inputs = 24 + 256 * 2  # a mask of 256 cells
    assert estimate(model, base).compute_bytes == 256 * (4 * values + inputs)
