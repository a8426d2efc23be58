"""What vLLM's KV pool holds, and whether that is enough for one request of the longest kind.

vLLM takes a share of the GPU and gives what weights and activations leave of it to one pool of KV
blocks: too little memory shows as a short pool. It refuses to start when the pool cannot hold a
request of ``max-model-len`` tokens (``v1/core/kv_cache_utils.py``, build 0.32); sizes of a layer's
blocks are those of ``v1/kv_cache_interface.py``. Activations are not known here, so the pool is an
upper bound: what is ruled out would not start, what is left may still not.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from autotune.candidate import Setting
from autotune.models.cache_settings import whole
from autotune.models.estimate import GIB, Limits, MemoryEstimate, size_text
from autotune.models.info import ModelInfo

DEFAULT_UTILIZATION = 0.92
_BLOCK_TOKENS, _CPU_BLOCK_TOKENS = 16, 128
_BATCHED_TOKENS = 2048
_SCALE_BYTES = 4
_SPARSE_LATENT_BYTES = 656

_UNSAID = ("auto", "default")
_WIDE = frozenset({"float", "float32"})
_CACHE_BYTES: Mapping[str, Fraction] = {
    "float16": Fraction(2),
    "bfloat16": Fraction(2),
    "fp8": Fraction(1),
    "fp8_e4m3": Fraction(1),
    "fp8_e5m2": Fraction(1),
    "fp8_inc": Fraction(1),
    "int8_per_token_head": Fraction(1),
    "fp8_per_token_head": Fraction(1),
    "int4_per_token_head": Fraction(1, 2),
    "nvfp4": Fraction(9, 16),
    "nvfp4_4over6": Fraction(9, 16),
}
"""Bytes of a value by ``kv-cache-dtype``; others are packed in ways that are not worked out."""


def estimate(
    model: ModelInfo, settings: Mapping[str, Setting], *, gpu: bool
) -> MemoryEstimate | None:
    """Weights, and the KV blocks of one request of ``max-model-len`` tokens.

    ``None`` where the configuration does not say enough: no weights, an unknown cache type.
    Raises `UserError` for numbers that are none.
    """
    settings = said(settings)
    per_value, stored = value_bytes(model, settings), served_bytes(model, settings)
    if stored is None or per_value is None:
        return None
    ranks = max(1, whole(settings, "tensor-parallel-size", 1))
    weights = stored // ranks
    blocks = _Blocks(model, settings, per_value, ranks, gpu=gpu)
    window = set(model.window_layers)
    full_kv = sum(blocks.full_layer() for i in model.attention_layers if i not in window)
    window_kv = sum(blocks.window_layer() for _ in model.window_layers)
    recurrent = len(model.recurrent_layers) * model.recurrent_elements * 2 // ranks
    total = weights + full_kv + window_kv + recurrent
    return MemoryEstimate(
        weights_bytes=weights,
        full_kv_bytes=full_kv,
        window_kv_bytes=window_kv,
        recurrent_bytes=recurrent,
        device_bytes=total if gpu else 0,
        host_bytes=0 if gpu else total,
        uncounted=("activations and captured graphs",),
    )


def shortage(
    model: ModelInfo, settings: Mapping[str, Setting], limits: Limits, *, gpu: bool
) -> str | None:
    """Why vLLM would not start for want of memory, or ``None``. Raises like `estimate`."""
    settings = said(settings)
    budget = _gpu_budget(settings, limits) if gpu else limits.host_bytes
    explicit = _explicit_pool(settings, gpu=gpu)
    free = limits.device_bytes
    if gpu and not explicit and budget is not None and free is not None and budget > free:
        share = _share(settings)
        return (
            f"gpu-memory-utilization {share:g} asks for {size_text(budget)} of GPU memory,"
            f" {size_text(free)} are free"
        )
    need = estimate(model, settings, gpu=gpu)
    if need is None or (budget is None and not explicit):
        return None
    pool = explicit or (budget or 0) - need.weights_bytes
    return short_pool(need, pool, longest(model, settings, "max-model-len"))


def short_pool(need: MemoryEstimate, pool_bytes: int, tokens: int) -> str | None:
    """What to say of a pool that cannot hold one request, or ``None`` when it can."""
    request = need.kv_bytes + need.recurrent_bytes
    if request <= pool_bytes:
        return None
    return (
        f"one request of {tokens} tokens needs {size_text(request)} of KV cache,"
        f" at most {size_text(max(pool_bytes, 0))} are left for it"
    )


def _gpu_budget(settings: Mapping[str, Setting], limits: Limits) -> int | None:
    """All that vLLM allows itself: a share of the whole GPU, not of what is free."""
    total = limits.device_total_bytes
    return limits.device_bytes if total is None else int(total * _share(settings))


def _share(settings: Mapping[str, Setting]) -> float:
    return decimal(settings.get("gpu-memory-utilization"), DEFAULT_UTILIZATION)


def _explicit_pool(settings: Mapping[str, Setting], *, gpu: bool) -> int:
    """The pool where it is set by itself, else 0; on a processor by a variable, in GiB."""
    if asked := whole(settings, "kv-cache-memory-bytes", 0):
        return asked
    return 0 if gpu else whole(settings, "VLLM_CPU_KVCACHE_SPACE", 0) * GIB


class _Blocks:
    """Bytes of one layer's blocks for one request, on one of several GPUs."""

    def __init__(
        self,
        model: ModelInfo,
        settings: Mapping[str, Setting],
        per_value: Fraction,
        ranks: int,
        *,
        gpu: bool,
    ) -> None:
        self._model = model
        self._per_value = per_value
        default = _BLOCK_TOKENS if gpu else _CPU_BLOCK_TOKENS
        self._block = max(1, whole(settings, "block-size", default))
        self._ranks = ranks
        self._longest = longest(model, settings, "max-model-len")
        self._batched = whole(settings, "max-num-batched-tokens", _BATCHED_TOKENS)
        self._kind = str(settings.get("kv-cache-dtype", "auto"))

    def full_layer(self) -> int:
        """All tokens of the request, in whole blocks."""
        model = self._model
        return self._count(self._longest) * self._page(model.key_length, model.value_length)

    def window_layer(self) -> int:
        """The window and one batch, and a block because a window may begin inside one."""
        model = self._model
        tokens = min((model.sliding_window or 0) - 1 + self._batched, self._longest)
        page = self._page(model.key_length_window, model.value_length_window)
        return (self._count(tokens) + 1) * page

    def _count(self, tokens: int) -> int:
        return -(-tokens // self._block)

    def _page(self, key: int, value: int) -> int:
        """One block of one layer; KV heads are shared out, and every GPU has at least one."""
        if self._model.is_mla:
            packed = self._kind == "fp8_ds_mla"
            return self._block * (_SPARSE_LATENT_BYTES if packed else int(key * self._per_value))
        heads = max(1, max(self._model.kv_heads, default=1) // self._ranks)
        scales = 2 * _SCALE_BYTES if self._kind.endswith("per_token_head") else 0
        return self._block * heads * (int((key + value) * self._per_value) + scales)


def said(settings: Mapping[str, Setting]) -> dict[str, Setting]:
    """`settings` without those that are left to the engine."""
    return {name: value for name, value in settings.items() if value not in _UNSAID}


def longest(model: ModelInfo, settings: Mapping[str, Setting], flag: str) -> int:
    """Tokens of the longest request: what the model was trained for unless `flag` says less."""
    asked = whole(settings, flag, model.n_ctx_train)
    return asked if asked > 0 else model.n_ctx_train


def served_bytes(model: ModelInfo, settings: Mapping[str, Setting]) -> int | None:
    """Weights as they are served: ``auto`` halves float32 ones (``config/model.py``)."""
    halved = model.dtype == "F32" and str(settings.get("dtype", "auto")) not in _WIDE
    weights = model.weights_bytes
    return weights // 2 if weights is not None and halved else weights


def value_bytes(model: ModelInfo, settings: Mapping[str, Setting]) -> Fraction | None:
    """Bytes of one value of the KV cache; ``None`` for types that are not worked out."""
    kind = str(settings.get("kv-cache-dtype", "auto"))
    if kind != "auto":
        return Fraction(1) if kind == "fp8_ds_mla" else _CACHE_BYTES.get(kind)
    if str(settings.get("dtype", "auto")) in _WIDE:
        return Fraction(4)
    return None if model.dtype is None else Fraction(2)


def decimal(value: Setting | None, default: float) -> float:
    """`value` as a number, `default` where it is none."""
    return float(value) if isinstance(value, int | float) else default
