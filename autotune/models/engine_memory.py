"""One seam for what every engine takes: chosen by the name of its search space."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from autotune.candidate import Setting
from autotune.models import llama_memory, sglang_memory, vllm_memory
from autotune.models.estimate import GIB, Demand, Limits, MemoryEstimate
from autotune.models.info import ModelInfo, ModelKind

Settings = Mapping[str, Setting]
Estimate = Callable[[ModelInfo, Settings, bool, Demand | None], MemoryEstimate | None]
Shortage = Callable[[ModelInfo, Settings, Limits, bool, Demand | None], str | None]


@dataclass(frozen=True, slots=True)
class MemoryModel:
    """How one engine uses memory.

    Attributes:
        kind: the models that it serves; ``None`` when any may be.
        grows: flags of which more needs no less memory, everything else equal.
        harmless: flags that change no memory. All others have to be equal for two configs to be
            compared by `grows`.
        estimate: what a server takes at least; ``None`` where it is not known.
        shortage: why it would not start or not serve, in words; ``None`` when nothing speaks
            against it. Both may raise `UserError` for settings that the engine would refuse.
    """

    kind: ModelKind | None
    grows: tuple[str, ...]
    harmless: frozenset[str]
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


_LLAMA = MemoryModel(
    kind=ModelKind.GGUF,
    grows=("ctx-size", "ubatch-size", "batch-size", "parallel"),
    harmless=frozenset(
        {"threads", "threads-batch", "poll", "prio", "op-offload", "cache-reuse"}
        | {"cache-idle-slots", "checkpoint-min-step", "slot-prompt-similarity"}
    ),
    estimate=lambda model, settings, gpu, demand: llama_memory.estimate(
        model, settings, gpu=gpu, demand=demand
    ),
    shortage=_llama_shortage,
)

_VLLM = MemoryModel(
    kind=ModelKind.HUGGINGFACE,
    grows=("max-model-len", "max-num-batched-tokens", "max-num-seqs"),
    harmless=frozenset(
        {"stream-interval", "async-scheduling", "enable-prefix-caching"}
        | {"VLLM_CPU_NUM_OF_RESERVED_CPU", "VLLM_CPU_OMP_THREADS_BIND"}
    ),
    estimate=lambda model, settings, gpu, demand: vllm_memory.estimate(model, settings, gpu=gpu),
    shortage=lambda model, settings, limits, gpu, demand: vllm_memory.shortage(
        model, settings, limits, gpu=gpu
    ),
)

_SGLANG = MemoryModel(
    kind=ModelKind.HUGGINGFACE,
    grows=("context-length", "chunked-prefill-size", "max-running-requests"),
    harmless=frozenset(
        {"stream-interval", "schedule-policy", "schedule-conservativeness"}
        | {"num-continuous-decode-steps", "radix-eviction-policy"}
    ),
    estimate=lambda model, settings, gpu, demand: sglang_memory.estimate(model, settings),
    shortage=lambda model, settings, limits, gpu, demand: sglang_memory.shortage(
        model, settings, limits
    ),
)

UNKNOWN = MemoryModel(
    kind=None,
    grows=(),
    harmless=frozenset(),
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
