"""What a KV cache and a recurrent state take in llama.cpp.

The formula is llama.cpp's (``llama-kv-cache.cpp``, ``llama-kv-cache-iswa.cpp``,
``llama-memory-recurrent.cpp``, build b11434), checked against what the server reports.
"""

from __future__ import annotations

import math
from fractions import Fraction
from functools import lru_cache

from autotune.models.cache_settings import CacheSettings
from autotune.models.ggml_types import GgmlType
from autotune.models.info import ModelInfo

_PAD = 256
_F32_BYTES = 4


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


def cache_layers(model: ModelInfo) -> list[int]:
    """Layers with a KV cache, a recurrent state, or both."""
    return sorted({*model.attention_layers, *model.recurrent_layers})


def kv_bytes(model: ModelInfo, cache: CacheSettings) -> tuple[int, int]:
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
    return _whole_bytes(cell_bytes(model, cache, layer) * per_layer * cache.streams)


def cell_bytes(model: ModelInfo, cache: CacheSettings, layer: int) -> Fraction:
    """One token of one layer: K and V of all its KV heads; MLA keeps K alone.

    Without flash attention V is stored turned, and every layer's is as wide as the widest.
    """
    key = model.key_length_window if layer in model.window_layers else model.key_length
    keys = model.kv_heads[layer] * key
    if model.is_mla:
        return _exact_bytes(keys, cache.key_type, 0, cache.value_type)
    alike = [layer] if is_fused(model, cache) else range(model.n_layers)
    values = max(_value_width(model, i) for i in alike)
    return _exact_bytes(keys, cache.key_type, values, cache.value_type)


@lru_cache(maxsize=1024)  # exact fractions are slow, and layers are alike
def _exact_bytes(keys: int, key_type: GgmlType, values: int, value_type: GgmlType) -> Fraction:
    return keys * key_type.bytes_per_element + values * value_type.bytes_per_element


def is_fused(model: ModelInfo, cache: CacheSettings) -> bool:
    """Whether attention is flash attention, which a quantized V cache forces."""
    quantized = cache.value_type.block_elements > 1
    return cache.flash_attention or quantized or not model.attention_layers


def _value_width(model: ModelInfo, layer: int) -> int:
    windowed = layer in model.window_layers
    return model.kv_heads[layer] * (model.value_length_window if windowed else model.value_length)


def _whole_bytes(value: Fraction | int) -> int:
    return math.ceil(value)
