"""What SGLang's KV pool holds (``mem_cache``, ``model_executor``, build 0.5.23).

``mem-fraction-static`` is the share of the GPU that weights and KV pool have together. A pool that
is shorter than the longest request lets the server start, and refuses that request later: here it
is ruled out at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from autotune.candidate import Setting
from autotune.models.cache_settings import whole
from autotune.models.estimate import Limits, MemoryEstimate
from autotune.models.info import ModelInfo
from autotune.models.vllm_memory import decimal, longest, said, served_bytes, short_pool

_LARGEST_FRACTION = 1.0
"""Unset, it is worked out by the engine: no more than everything."""

_CACHE_BYTES: Mapping[str, Fraction] = {
    "auto": Fraction(2),
    "bf16": Fraction(2),
    "bfloat16": Fraction(2),
    "fp8_e4m3": Fraction(1),
    "fp8_e5m2": Fraction(1),
    "fp4_e2m1": Fraction(1, 2),
}


def estimate(model: ModelInfo, settings: Mapping[str, Setting]) -> MemoryEstimate | None:
    """Weights, and the KV cache of one request of ``context-length`` tokens.

    ``None`` where the configuration does not say enough. Raises `UserError` for numbers that are
    none. Window layers have a pool of their own, whose least size is the window.
    """
    settings = said(settings)
    per_value = _CACHE_BYTES.get(str(settings.get("kv-cache-dtype", "auto")))
    stored = served_bytes(model, settings)
    if stored is None or per_value is None:
        return None
    ranks = max(1, whole(settings, "tp-size", whole(settings, "tensor-parallel-size", 1)))
    tokens = longest(model, settings, "context-length")
    full_layers = len(model.attention_layers) - len(model.window_layers)
    per_token = _token_bytes(model, per_value, ranks)
    full_kv = full_layers * per_token * tokens
    window_kv = len(model.window_layers) * per_token * min(tokens, model.sliding_window or 0)
    weights = stored // ranks
    recurrent = len(model.recurrent_layers) * model.recurrent_elements * 2 // ranks
    return MemoryEstimate(
        weights_bytes=weights,
        full_kv_bytes=full_kv,
        window_kv_bytes=window_kv,
        recurrent_bytes=recurrent,
        device_bytes=weights + full_kv + window_kv + recurrent,
        uncounted=("activations and captured graphs",),
    )


def shortage(model: ModelInfo, settings: Mapping[str, Setting], limits: Limits) -> str | None:
    """Why SGLang could not serve the longest request, or ``None``. Raises like `estimate`."""
    settings = said(settings)
    tokens = longest(model, settings, "context-length")
    most = whole(settings, "max-total-tokens", 0)
    if 0 < most < tokens:
        return f"max-total-tokens {most} is less than one request of {tokens} tokens"
    need = estimate(model, settings)
    if need is None or limits.device_bytes is None:
        return None
    share = decimal(settings.get("mem-fraction-static"), _LARGEST_FRACTION)
    return short_pool(need, int(limits.device_bytes * share) - need.weights_bytes, tokens)


def _token_bytes(model: ModelInfo, per_value: Fraction, ranks: int) -> int:
    """One token of one layer."""
    if model.is_mla:
        return int(model.key_length * per_value)
    heads = max(1, max(model.kv_heads, default=1) // ranks)
    return heads * int((model.key_length + model.value_length) * per_value)
