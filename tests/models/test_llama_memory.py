from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hf_folder import write_config

from autotune.errors import UserError
from autotune.models.estimate import MIB, Demand, MemoryEstimate
from autotune.models.llama_memory import estimate
from autotune.models.metadata import ModelInfo, read_model

Write = Callable[..., Path]


def needed(memory: MemoryEstimate) -> int:
    """Everything but what stands twice."""
    parts = (
        memory.weights_bytes, memory.kv_bytes, memory.recurrent_bytes, memory.compute_bytes,
        memory.work_bytes, memory.output_bytes, memory.checkpoint_bytes, memory.engine_bytes,
    )  # fmt: skip
    return sum(parts)


@pytest.fixture
def mixture(write_gguf: Write, llama_keys: dict[str, Any]) -> ModelInfo:
    """Two layers of 128 + 1024 bytes (the latter experts), embedding 640, output 640."""
    tensors: dict[str, tuple[int, ...]] = {}
    for layer in range(2):
        tensors |= {f"blk.{layer}.attn_k.weight": (64,), f"blk.{layer}.ffn_up_exps.weight": (512,)}
    tensors |= {"token_embd.weight": (10, 32), "output.weight": (10, 32)}
    return read_model(write_gguf("qwen3moe", llama_keys, tensors=tensors))


@pytest.mark.parametrize(
    ("settings", "device_bytes"),
    [
        ({}, 2 * 1152 + 640 + 2 * 16384),
        ({"n-gpu-layers": "all"}, 2 * 1152 + 640 + 2 * 16384),
        ({"n-gpu-layers": 99}, 2 * 1152 + 640 + 2 * 16384),
        ({"n-gpu-layers": 2}, 1152 + 640 + 16384),
        ({"n-gpu-layers": 1}, 640),
        ({"n-gpu-layers": 0}, 0),
        ({"kv-offload": False}, 2 * 1152 + 640),
        ({"cpu-moe": True}, 2 * 128 + 640 + 2 * 16384),
        ({"n-cpu-moe": 1}, 128 + 1152 + 640 + 2 * 16384),
        ({"override-tensor": "exps=CPU"}, 2 * 16384),
        ({"tensor-split": "1,1"}, 0),
    ],
)
def test_what_goes_to_the_gpu(
    mixture: ModelInfo, settings: dict[str, Any], device_bytes: int
) -> None:
    base = {"ctx-size": 256, "parallel": 1}  # 2 heads x (8 + 8) x 2 bytes x 256 = 16384 a layer
    memory = estimate(mixture, {**base, **settings}, gpu=True)
    computed = memory.compute_bytes if memory.device_bytes else 0
    if "tensor-split" in settings or settings.get("n-gpu-layers") == 0:
        computed = 0
    assert memory.device_bytes - computed == device_bytes
    assert memory.weights_bytes + memory.kv_bytes == 2 * 1152 + 2 * 640 + 2 * 16384
    assert memory.host_bytes == needed(memory) - memory.device_bytes
    assert estimate(mixture, {**base, **settings}).device_bytes == 0


def test_a_tied_output_layer_is_there_twice(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    tensors = {"token_embd.weight": (10, 32), "blk.0.w": (64,)}
    model = read_model(write_gguf("llama", llama_keys, tensors=tensors))
    on_gpu = estimate(model, {"ctx-size": 256, "parallel": 1}, gpu=True)
    assert on_gpu.device_bytes == 128 + 640 + 2 * 16384 + on_gpu.compute_bytes
    assert on_gpu.host_bytes == 640 + on_gpu.output_bytes + on_gpu.engine_bytes


def test_prompts_in_host_memory_are_those_of_the_workload(smol: ModelInfo) -> None:
    assert estimate(smol, {}).prompt_cache_limit_bytes == 8192 * MIB
    assert estimate(smol, {"cache-ram": 0}).prompt_cache_limit_bytes == 0
    assert estimate(smol, {"cache-ram": -1}).prompt_cache_limit_bytes is None
    assert estimate(smol, {"cache-ram": 0}).total_bytes == estimate(smol, {}).total_bytes
    # 30 layers x 3 heads x 128 values x 2 bytes = 23040 bytes a token
    demand = Demand(session_tokens=(1000, 2000), turns=4)
    one_slot = {"parallel": 1, "cache-ram": -1}
    assert estimate(smol, one_slot, demand=demand).prompt_cache_bytes == 3000 * 23040
    small = {"parallel": 1, "cache-ram": 10}
    assert estimate(smol, small, demand=demand).prompt_cache_bytes == 10 * MIB
    assert estimate(smol, {"parallel": 2}, demand=demand).prompt_cache_bytes == 0
    assert estimate(smol, {"parallel": 1, "cache-ram": 0}, demand=demand).prompt_cache_bytes == 0


def test_saved_states_of_layers_that_cannot_roll_back(gemma: ModelInfo, smol: ModelInfo) -> None:
    """15 window layers x 1 head x 512 values x 2 bytes = 15360 bytes a token, windows of 512:
    the server reported 7.506 MiB each, three a turn."""
    settings = {"ctx-size": 4096, "parallel": 1}
    assert estimate(gemma, settings).checkpoint_bytes == 15360 * 512
    three = Demand(session_tokens=(4000,), turns=3)
    assert estimate(gemma, settings, demand=three).checkpoint_bytes == 7 * 15360 * 512
    many = Demand(session_tokens=(4000,), turns=50)
    assert estimate(gemma, settings, demand=many).checkpoint_bytes == 32 * 15360 * 512
    few = {**settings, "ctx-checkpoints": 8, "parallel": 2}
    assert estimate(gemma, few, demand=many).checkpoint_bytes == 2 * 8 * 15360 * 512
    short = Demand(session_tokens=(400,), turns=50)  # the server reported 5.86 MiB each
    assert estimate(gemma, settings, demand=short).checkpoint_bytes == 32 * 15360 * 400
    assert estimate(gemma, {**settings, "swa-full": True}, demand=many).checkpoint_bytes == 0
    assert estimate(smol, settings, demand=many).checkpoint_bytes == 0


def test_drafts_have_logits_and_a_pool(smol: ModelInfo) -> None:
    model = replace(smol, n_vocab=1000)
    plain = estimate(model, {"parallel": 2})
    assert plain.output_bytes == 2 * 4000
    simple = {"parallel": 2, "spec-type": "ngram-simple", "spec-ngram-simple-size-m": 24}
    assert estimate(model, simple).output_bytes == 2 * 25 * 4000
    mod = estimate(model, {"parallel": 2, "spec-type": "ngram-mod"})
    assert mod.output_bytes == 2 * 65 * 4000
    assert mod.engine_bytes - plain.engine_bytes == 16 * MIB


def test_says_what_it_does_not_count(write_gguf: Write, llama_keys: dict[str, Any]) -> None:
    model = read_model(write_gguf("glm-dsa", llama_keys))
    notes = " / ".join(estimate(model, {"model-draft": "d.gguf"}).uncounted)
    assert "sparse-attention cache of glm-dsa" in notes
    assert "draft model" in notes
    assert "driver" not in notes


def test_a_folder_is_not_served_by_llama_cpp(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not a GGUF file"):
        estimate(read_model(write_config(tmp_path / "hf")), {})


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"cache-type-k": "q3_k"}, "cache-type-k = 'q3_k'"),
        ({"ctx-size": "many"}, "ctx-size = 'many'"),
        ({"n-gpu-layers": "most"}, "n-gpu-layers = 'most'"),
        ({"n-cpu-moe": "x"}, "n-cpu-moe = 'x'"),
    ],
)
def test_settings_that_llama_server_refuses(
    smol: ModelInfo, settings: dict[str, Any], message: str
) -> None:
    with pytest.raises(UserError, match=message) as error:
        estimate(smol, settings, gpu=True)
    assert error.value.hint


def test_json_has_the_sums(smol: ModelInfo) -> None:
    data = estimate(smol, {"ctx-size": 2048, "parallel": 1}).to_json()
    assert data["kv_bytes"] == 45 * MIB
    assert data["total_bytes"] == data["host_bytes"]


def test_smollm2_weights(smollm2: Path) -> None:
    """llama-server reports a model buffer of 92.10 MiB."""
    memory = estimate(read_model(smollm2), {"ctx-size": 2048, "parallel": 1})
    assert round(memory.weights_bytes / MIB, 2) == 92.10
    assert memory.kv_bytes == 45 * MIB
