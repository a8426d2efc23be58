"""One seam for what every engine takes: chosen by the name of its search space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from autotune.candidate import Setting
from autotune.models import llama_memory, sglang_memory, vllm_memory
from autotune.models.estimate import GIB, Demand, Limits, MemoryEstimate
from autotune.models.ggml_types import CACHE_TYPES
from autotune.models.info import ModelInfo, ModelKind
from autotune.models.memory_order import MemoryOrder

Settings = Mapping[str, Setting]
Estimate = Callable[[ModelInfo, Settings, bool, Demand | None], MemoryEstimate | None]
Shortage = Callable[[ModelInfo, Settings, Limits, bool, Demand | None], str | None]


@dataclass(frozen=True, slots=True)
class MemoryModel:
    """How one engine uses memory.

    Attributes:
        kind: the models that it serves; ``None`` when any may be.
        order: which of two configs takes no less, by their flags alone.
        estimate: what a server takes at least; ``None`` where it is not known.
        shortage: why it would not start or not serve, in words; ``None`` when nothing speaks
            against it. Both may raise `UserError` for settings that the engine would refuse.
    """

    kind: ModelKind | None
    order: MemoryOrder
    estimate: Estimate
    shortage: Shortage


def memory_model(engine: str) -> MemoryModel:
    """The memory model of the search space called `engine`; one that knows nothing for others."""
    return _MODELS.get(engine, UNKNOWN)


def _llama_shortage(
    model: ModelInfo, settings: Settings, limits: Limits, gpu: bool, demand: Demand | None
) -> str | None:
    need = llama_memory.estimate(model, settings, gpu=gpu, demand=demand)
    pairs = (
        ("GPU", need.device_bytes, limits.device_bytes),
        ("host", need.host_bytes, limits.host_bytes),
        ("shared", need.total_bytes, limits.both_bytes),
    )
    for where, asked, limit in pairs:
        if limit is not None and asked > limit:
            return f"needs {asked / GIB:.1f} GiB of {where} memory, {limit / GIB:.1f} are there"
    return None


_CACHE_BYTES = {name: float(kind.bytes_per_element) for name, kind in CACHE_TYPES.items()}

_VLLM_CACHE_BYTES = {
    "fp8": 1.0, "fp8_e4m3": 1.0, "fp8_e5m2": 1.0, "auto": 2.0, "float16": 2.0, "bfloat16": 2.0,
}  # fmt: skip
"""Bytes of a cached value; ``auto`` is the model's own, which may be as little as fp8's."""

_SWITCH = {"false": 0.0, "true": 1.0}
_SPARING = {"false": 1.0, "true": 0.0}

_LLAMA = MemoryModel(
    kind=ModelKind.GGUF,
    order=MemoryOrder(
        grows=("ctx-size", "ubatch-size", "batch-size", "parallel"),
        host=("cache-ram", "ctx-checkpoints"),
        sizes={"cache-type-k": _CACHE_BYTES, "cache-type-v": _CACHE_BYTES, "swa-full": _SWITCH},
        device={"n-gpu-layers": 1, "kv-offload": 1, "n-cpu-moe": -1, "n-cpu-ffn": -1},
        harmless=frozenset(
            {"threads", "threads-batch", "poll", "prio", "op-offload", "cache-reuse"}
            | {"cache-idle-slots", "checkpoint-min-step", "slot-prompt-similarity"}
        ),
        extras={"spec-type": ("none", ("spec-",))},
    ),
    estimate=lambda model, settings, gpu, demand: llama_memory.estimate(
        model, settings, gpu=gpu, demand=demand
    ),
    shortage=_llama_shortage,
)

_VLLM = MemoryModel(
    kind=ModelKind.HUGGINGFACE,
    order=MemoryOrder(
        grows=("max-model-len", "max-num-batched-tokens", "max-num-seqs"),
        sizes={"kv-cache-dtype": _VLLM_CACHE_BYTES, "enforce-eager": _SPARING},
        harmless=frozenset(
            {"stream-interval", "async-scheduling", "enable-prefix-caching"}
            | {"VLLM_CPU_NUM_OF_RESERVED_CPU", "VLLM_CPU_OMP_THREADS_BIND"}
        ),
        extras={"speculative-config.method": ("none", ("speculative-config.",))},
    ),
    estimate=lambda model, settings, gpu, demand: vllm_memory.estimate(model, settings, gpu=gpu),
    shortage=lambda model, settings, limits, gpu, demand: vllm_memory.shortage(
        model, settings, limits, gpu=gpu
    ),
)

_SGLANG = MemoryModel(
    kind=ModelKind.HUGGINGFACE,
    order=MemoryOrder(
        grows=("context-length", "chunked-prefill-size", "max-running-requests"),
        sizes={"kv-cache-dtype": _VLLM_CACHE_BYTES, "disable-cuda-graph": _SPARING},
        harmless=frozenset(
            {"stream-interval", "schedule-policy", "schedule-conservativeness"}
            | {"num-continuous-decode-steps", "radix-eviction-policy"}
        ),
        extras={"speculative-algorithm": ("none", ("speculative-",))},
    ),
    estimate=lambda model, settings, gpu, demand: sglang_memory.estimate(model, settings),
    shortage=lambda model, settings, limits, gpu, demand: sglang_memory.shortage(
        model, settings, limits
    ),
)

UNKNOWN = MemoryModel(
    kind=None,
    order=MemoryOrder(),
    estimate=lambda model, settings, gpu, demand: None,
    shortage=lambda model, settings, limits, gpu, demand: None,
)
"""An engine whose flags mean nothing here: what failed is only not tried again."""

_OMLX = replace(UNKNOWN, kind=ModelKind.HUGGINGFACE)
"""An MLX folder is a Hugging Face folder: configuration, tokenizer, safetensors files."""

_DS4 = replace(UNKNOWN, kind=ModelKind.GGUF)

_MODELS: Mapping[str, MemoryModel] = {
    "llama-server": _LLAMA,
    "vllm": _VLLM,
    "sglang": _SGLANG,
    "omlx": _OMLX,
    "ds4": _DS4,
}
