"""What a model and its caches take in llama.cpp, worked out before anything is launched.

The formula is llama.cpp's (``llama-kv-cache.cpp``, ``llama-kv-cache-iswa.cpp``,
``llama-memory-recurrent.cpp``, build b11434), checked against what the server reports. It is a
lower bound: compute buffers, the CUDA context and context checkpoints come on top, so it may rule
a candidate out, never in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

from autotune.candidate import Setting
from autotune.models.cache_settings import CacheSettings, cache_settings, whole
from autotune.models.metadata import ModelInfo
from autotune.models.placement import Placement, placement

MIB = 1024 * 1024

_PAD = 256
_F32_BYTES = 4
_DEFAULT_CACHE_RAM_MIB = 8192
_INDEXED = frozenset(
    {"deepseek32", "deepseek4", "dots3note", "glm-dsa", "glm5-next", "hy_v4", "minimax-m3"}
    | {"qwen4exp"}
)
"""Sparse attention: an indexer cache comes on top (DeepSeek 4 compresses besides)."""


@dataclass(frozen=True, slots=True)
class MemoryEstimate:
    """Bytes that one server will take at least.

    Attributes:
        weights_bytes: tensors that are loaded; draft layers only where they are used.
        full_kv_bytes, window_kv_bytes: KV cache of layers that see everything, and of
            sliding-window layers.
        recurrent_bytes: recurrent states of all slots.
        scores_bytes: attention scores, which only ``flash-attn off`` writes out.
        device_bytes, host_bytes: where it all goes; ``device_bytes`` is 0 without a GPU.
        prompt_cache_limit_bytes: host memory that ``cache-ram`` may fill later; ``None`` for
            no limit. Not part of `total_bytes`.
        uncounted: what this model or these settings need besides, in words.
    """

    weights_bytes: int
    full_kv_bytes: int
    window_kv_bytes: int
    recurrent_bytes: int
    scores_bytes: int
    device_bytes: int
    host_bytes: int
    prompt_cache_limit_bytes: int | None
    uncounted: tuple[str, ...] = ()

    @property
    def kv_bytes(self) -> int:
        """The whole KV cache, without recurrent states."""
        return self.full_kv_bytes + self.window_kv_bytes

    @property
    def total_bytes(self) -> int:
        """Everything, wherever it is."""
        return self.device_bytes + self.host_bytes

    def to_json(self) -> dict[str, Any]:
        """A JSON object, with the sums."""
        return {**asdict(self), "kv_bytes": self.kv_bytes, "total_bytes": self.total_bytes}


def estimate(
    model: ModelInfo, settings: Mapping[str, Setting], *, gpu: bool = False
) -> MemoryEstimate:
    """What `model` takes under `settings` (llama-server's long flag names, no dashes).

    `gpu` says whether layers can be offloaded at all. Raises `UserError` for settings that
    llama-server would refuse.
    """
    cache = cache_settings(model, settings)
    where = placement(model, settings, gpu=gpu)
    per_layer = {i: layer_cache_bytes(model, cache, i) for i in _cache_layers(model)}
    scores = _scores_bytes(model, cache)
    cache_on_gpu = sum(per_layer[i] for i in per_layer if where.cache_on_device(i))
    full, window = _kv_bytes(model, cache)
    recurrent = recurrent_layer_bytes(model, cache) * len(model.recurrent_layers)
    all_bytes = where.weights_bytes + full + window + recurrent + scores
    device = where.device_weights_bytes + cache_on_gpu + (scores if where.any_on_device else 0)
    return MemoryEstimate(
        weights_bytes=where.weights_bytes,
        full_kv_bytes=full,
        window_kv_bytes=window,
        recurrent_bytes=recurrent,
        scores_bytes=scores,
        device_bytes=device,
        host_bytes=all_bytes + where.copied_bytes - device,
        prompt_cache_limit_bytes=_prompt_cache_limit(settings),
        uncounted=_uncounted(model, settings, where),
    )


def cells(cache: CacheSettings) -> int:
    """Cells of a full-attention layer, in each stream; the server pads to 256."""
    pool = padded(cache.ctx_tokens)
    return pool if cache.unified else padded(pool // cache.slots)


def window_cells(model: ModelInfo, cache: CacheSettings) -> int:
    """Cells of a sliding-window layer, in each stream."""
    full = cells(cache)
    if cache.swa_full or model.sliding_window is None:
        return full
    sequences = cache.slots if cache.unified else 1
    return padded(min(full, model.sliding_window * sequences + cache.ubatch_tokens))


def layer_cache_bytes(model: ModelInfo, cache: CacheSettings, layer: int) -> int:
    """KV cache and recurrent state of one layer, all slots together."""
    total = 0
    if layer in model.attention_layers:
        total += _layer_kv_bytes(model, cache, layer)
    if layer in model.recurrent_layers:
        total += recurrent_layer_bytes(model, cache)
    return total


def recurrent_layer_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """A recurrent layer's state for all slots, with the copies that drafts need."""
    rows = max(1, cache.slots) * (1 + cache.rollback_tokens)
    return rows * model.recurrent_elements * _F32_BYTES


def padded(tokens: int) -> int:
    """`tokens` rounded up to the 256 that llama.cpp pads to."""
    return -(-tokens // _PAD) * _PAD


def _cache_layers(model: ModelInfo) -> list[int]:
    return sorted({*model.attention_layers, *model.recurrent_layers})


def _kv_bytes(model: ModelInfo, cache: CacheSettings) -> tuple[int, int]:
    """KV bytes of full layers and of sliding-window layers."""
    window = set(model.window_layers)
    sizes = {i: _layer_kv_bytes(model, cache, i) for i in model.attention_layers}
    return (
        sum(size for i, size in sizes.items() if i not in window),
        sum(size for i, size in sizes.items() if i in window),
    )


def _layer_kv_bytes(model: ModelInfo, cache: CacheSettings, layer: int) -> int:
    windowed = layer in model.window_layers
    per_layer = window_cells(model, cache) if windowed else cells(cache)
    key = model.key_length_window if windowed else model.key_length
    value = model.value_length_window if windowed else model.value_length
    heads = model.kv_heads[layer]
    per_cell = heads * key * cache.key_type.bytes_per_element
    if not model.is_mla:
        per_cell += heads * value * cache.value_type.bytes_per_element
    return _whole_bytes(per_cell * per_layer * cache.streams)


def _scores_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """Without flash attention: float32 scores of one layer, heads x cells x batch."""
    if cache.flash_attention or not model.attention_layers or _is_quantized_value(cache):
        return 0
    heads = max(model.n_heads[i] for i in model.attention_layers)
    full_layers = set(model.attention_layers) - set(model.window_layers)
    widest = cells(cache) if full_layers else window_cells(model, cache)
    return heads * widest * cache.ubatch_tokens * _F32_BYTES


def _is_quantized_value(cache: CacheSettings) -> bool:
    """A quantized V cache needs flash attention: the server refuses to do without."""
    return cache.value_type.block_elements > 1


def _prompt_cache_limit(settings: Mapping[str, Setting]) -> int | None:
    mib = whole(settings, "cache-ram", _DEFAULT_CACHE_RAM_MIB)
    return None if mib < 0 else mib * MIB


def _uncounted(
    model: ModelInfo, settings: Mapping[str, Setting], where: Placement
) -> tuple[str, ...]:
    notes = ["compute buffers and the engine's own memory"]
    if model.architecture in _INDEXED:
        notes.append(f"the sparse-attention cache of {model.architecture}")
    if "model-draft" in settings or "spec-draft-model" in settings:
        notes.append("the draft model")
    if where.unknown:
        notes.append(f"weights on the GPU: {where.unknown} decides")
    return tuple(notes)


def _whole_bytes(value: Fraction | int) -> int:
    return -(-Fraction(value).numerator // Fraction(value).denominator)
