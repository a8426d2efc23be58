"""llama.cpp's compute, work and output buffers, without building its graphs.

Its allocator lays the activations of one batch out once, for the worst case. Layer after layer they
take the same place, so what counts is the widest moment of one layer: around the feed-forward
block, or around attention. The widths below follow the graphs (``src/models``, ``ggml-alloc.c``,
build b11434); they are exact for a plain dense decoder, and an upper bound elsewhere, because what
the allocator can put into a hole is not worked out here.
"""

from __future__ import annotations

from autotune.models.cache_settings import CacheSettings
from autotune.models.info import ModelInfo
from autotune.models.kv_memory import cells, is_fused, window_cells

_F32, _F16, _I64 = 4, 2, 8
_INPUT_BYTES = 2 * _F32 + 2 * _I64
"""Of a token: its id and position, where its K and its V go."""

_RESIDUALS = 5
"""Vectors of the model's width that are held at once, whatever else is."""

_WIDEST_VALUES = 7
"""Of a recurrent layer: so many times its inner width at once."""


def compute_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """The compute buffer of one server: inputs, and the widest moment of a layer."""
    ubatch = cache.ubatch_tokens
    moments = [
        _feed_forward_values(model) * _F32 * ubatch,
        _attention_bytes(model, cache),
        _recurrent_values(model) * _F32 * ubatch,
        output_bytes(model, cache) + _RESIDUALS * model.n_embd * _F32 * ubatch,
    ]
    return _input_bytes(model, cache) + _rotation_bytes(model, cache) + max(moments)


def work_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """Where the processor's kernels convert their operands: the widest activation as f16.

    Without flash attention these are the scores (``ggml_graph_plan``, ``GGML_OP_MUL_MAT``).
    """
    ubatch = cache.ubatch_tokens
    activations = max(model.feed_forward or 0, _query_values(model), model.n_embd)
    return max(activations * ubatch * _F16, scores_bytes(model, cache) // 2)


def output_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """Logits of every sequence's last token, and of every token that a draft may hold."""
    return cache.slots * (1 + cache.draft_tokens) * (model.n_vocab or 0) * _F32


def scores_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """Without flash attention: float32 scores of one layer, heads x cells x batch."""
    if is_fused(model, cache):
        return 0
    heads = max(model.n_heads[i] for i in model.attention_layers)
    full_layers = set(model.attention_layers) - set(model.window_layers)
    widest = cells(cache) if full_layers else window_cells(model, cache)
    return heads * widest * cache.ubatch_tokens * _F32


def _feed_forward_values(model: ModelInfo) -> int:
    """Gate, up and their product beside five vectors of the model's width.

    Experts give a vector each, twice: before and after it is weighted.
    """
    experts = 2 * (model.n_expert_used or 0) * model.n_embd
    return 3 * (model.feed_forward or 0) + _RESIDUALS * model.n_embd + experts


def _attention_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """Q before and after its rotation, K, V and what comes out; scores where they are written."""
    if not model.attention_layers:
        return 0
    layer = max(model.attention_layers, key=lambda i: model.n_heads[i])
    heads, kv = model.n_heads[layer], max(model.kv_heads[i] for i in model.attention_layers)
    query, key = heads * model.key_length, kv * model.key_length
    out, value = heads * model.value_length, kv * model.value_length
    if is_fused(model, cache):
        values = 2 * query + out + key + value + model.n_embd
        return values * _F32 * cache.ubatch_tokens + _halved_bytes(cache, key, value)
    beside = min(key, model.n_embd) + 3 * model.n_embd
    values = max(2 * query + out + beside, _RESIDUALS * model.n_embd)
    return values * _F32 * cache.ubatch_tokens + scores_bytes(model, cache)


def _halved_bytes(cache: CacheSettings, key: int, value: int) -> int:
    """Flash attention takes f16: an f32 cache of one layer is copied."""
    copied = key * (cache.key_type.name == "F32") + value * (cache.value_type.name == "F32")
    return copied * cells(cache) * cache.streams * _F16


def _query_values(model: ModelInfo) -> int:
    heads = max((model.n_heads[i] for i in model.attention_layers), default=0)
    return heads * max(model.key_length, model.value_length)


def _recurrent_values(model: ModelInfo) -> int:
    """A recurrent layer, roughly: several copies of its inner channels."""
    if not model.recurrent_layers:
        return 0
    return _WIDEST_VALUES * max(model.recurrent_width or 0, 2 * model.n_embd) + model.n_embd


def _input_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """Ids, positions and places of each token, and a mask for each kind of cache.

    Flash attention takes an f16 mask, the other way an f32 one. Without it V is stored turned, so
    that every value of it has a place of its own.
    """
    fused = is_fused(model, cache)
    has_window, has_full = bool(model.window_layers), bool(_full_layers(model))
    masked = cells(cache) * has_full + window_cells(model, cache) * has_window
    per_token = _INPUT_BYTES * (has_full + has_window) + masked * (_F16 if fused else _F32)
    if not fused:
        values = max(model.kv_heads[i] for i in model.attention_layers) * model.value_length
        per_token += values * _I64 * (has_full + has_window)
    return per_token * cache.ubatch_tokens


def _full_layers(model: ModelInfo) -> set[int]:
    return set(model.attention_layers) - set(model.window_layers)


def _rotation_bytes(model: ModelInfo, cache: CacheSettings) -> int:
    """A quantized cache is rotated first: a square matrix for K and one for V in each cache."""
    caches = bool(model.window_layers) + bool(_full_layers(model))
    key = model.key_length**2 if cache.key_type.block_elements > 1 else 0
    value = model.value_length**2 if cache.value_type.block_elements > 1 else 0
    return caches * (key + value) * _F32
