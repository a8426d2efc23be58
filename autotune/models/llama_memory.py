"""What a llama-server takes under given settings, worked out before it is launched.

Weights, KV cache, recurrent states and compute buffer are the server's own sums (build b11434,
checked against its memory breakdown). What it keeps in host memory while it serves comes on top:
saved states and prompts. Not counted are a GPU driver's own memory, draft models, and the index
caches of sparse attention; `MemoryEstimate.uncounted` says which of them apply.
"""

from __future__ import annotations

from collections.abc import Mapping

from autotune.candidate import Setting
from autotune.models.cache_settings import CacheSettings, cache_settings, whole
from autotune.models.compute_memory import compute_bytes, output_bytes, work_bytes
from autotune.models.estimate import MIB, Demand, MemoryEstimate
from autotune.models.info import ModelInfo
from autotune.models.kv_memory import (
    cache_layers,
    cell_bytes,
    kv_bytes,
    layer_cache_bytes,
    recurrent_layer_bytes,
    window_cells,
)
from autotune.models.placement import Placement, placement

_DEFAULT_CACHE_RAM_MIB = 8192
_PROGRAM_BYTES = 22 * MIB
_VOCABULARY_ENTRY_BYTES = 144
_SAMPLED_ENTRY_BYTES = 24
"""What the running program was measured to take, by itself, for each entry of the vocabulary, and
for each again in every slot, which sorts them: see ``tests/benchmarks/bench_memory.py``."""

_PLAN_BYTES_A_NODE = 60 * 368
"""The scheduler's room for copies of tensors: thirty inputs, twice (``ggml-backend.cpp``)."""

_NGRAM_POOL_BYTES = 16 * MIB
"""``ngram-mod`` keeps four million entries of four bytes (``common/speculative.cpp``)."""

_CHECKPOINTS_A_TURN = 3
"""Before the last user message, and twice before the prompt's end (``server-context.cpp``). Of a
session's first turn only the last one holds more than a few tokens."""

_INDEXED = frozenset(
    {"deepseek32", "deepseek4", "dots3note", "glm-dsa", "glm5-next", "hy_v4", "minimax-m3"}
    | {"qwen4exp"}
)
"""Sparse attention: an indexer cache comes on top (DeepSeek 4 compresses besides)."""


def estimate(
    model: ModelInfo,
    settings: Mapping[str, Setting],
    *,
    gpu: bool = False,
    demand: Demand | None = None,
) -> MemoryEstimate:
    """What `model` takes under `settings` (llama-server's long flag names, no dashes).

    `gpu` says whether layers can be offloaded at all; `demand` is what the workload fills caches
    with. Raises `UserError` for settings that llama-server would refuse, and for what is not GGUF.
    """
    cache = cache_settings(model, settings)
    where = placement(model, settings, gpu=gpu)
    per_layer = {i: layer_cache_bytes(model, cache, i) for i in cache_layers(model)}
    full, window = kv_bytes(model, cache)
    parts = {
        "weights_bytes": where.weights_bytes,
        "full_kv_bytes": full,
        "window_kv_bytes": window,
        "recurrent_bytes": recurrent_layer_bytes(model, cache) * len(model.recurrent_layers),
        "compute_bytes": compute_bytes(model, cache),
        "work_bytes": 0 if where.any_on_device else work_bytes(model, cache),
        "output_bytes": output_bytes(model, cache),
        "checkpoint_bytes": _checkpoint_bytes(model, cache, demand) * cache.slots,
        "prompt_cache_bytes": _prompt_cache_bytes(model, cache, settings, demand),
        "engine_bytes": _engine_bytes(model, cache, settings),
    }
    device = where.device_weights_bytes + sum(
        per_layer[i] for i in per_layer if where.cache_on_device(i)
    )
    if where.any_on_device:
        device += parts["compute_bytes"]
    return MemoryEstimate(
        **parts,
        device_bytes=device,
        host_bytes=sum(parts.values()) + where.copied_bytes - device,
        prompt_cache_limit_bytes=_prompt_cache_limit(settings),
        uncounted=_uncounted(model, settings, where),
    )


def _checkpoint_bytes(model: ModelInfo, cache: CacheSettings, demand: Demand | None) -> int:
    """Saved states of one slot: the tokens that a window sees, and the recurrent state.

    As many as its turns can leave behind. Without a workload one turn's are counted. Cells that no
    window sees any more are not saved.
    """
    if model.can_roll_back or (cache.swa_full and not model.recurrent_layers):
        return 0
    turns = 1 if demand is None else demand.turns
    tokens = min(model.sliding_window or 0, window_cells(model, cache))
    if demand is not None:
        tokens = min(tokens, max(demand.session_tokens, default=tokens))
    windows = sum(cell_bytes(model, cache, i) for i in model.window_layers) * tokens
    states = recurrent_layer_bytes(model, cache) // max(1, cache.slots)
    one = int(windows) + states * len(model.recurrent_layers)
    return one * min(cache.checkpoints, _CHECKPOINTS_A_TURN * (turns - 1) + 1)


def _prompt_cache_bytes(
    model: ModelInfo, cache: CacheSettings, settings: Mapping[str, Setting], demand: Demand | None
) -> int:
    """Prompts in host memory: at most each session's deepest, at most what ``cache-ram`` allows.

    A prompt is kept whole with its saved states. Where there is a slot for every session none is
    moved out.
    """
    limit = _prompt_cache_limit(settings)
    if demand is None or limit == 0 or len(demand.session_tokens) <= cache.slots:
        return 0
    per_token = sum(cell_bytes(model, cache, i) for i in model.attention_layers)
    kept = sum(int(per_token * tokens) for tokens in demand.session_tokens)
    kept += len(demand.session_tokens) * _checkpoint_bytes(model, cache, demand)
    return kept if limit is None else min(kept, limit)


def _prompt_cache_limit(settings: Mapping[str, Setting]) -> int | None:
    mib = whole(settings, "cache-ram", _DEFAULT_CACHE_RAM_MIB)
    return None if mib < 0 else mib * MIB


def _engine_bytes(model: ModelInfo, cache: CacheSettings, settings: Mapping[str, Setting]) -> int:
    """The program, its tables of the vocabulary, and the pool of n-grams where there is one."""
    drafts = str(settings.get("spec-type", "")).split(",")
    pool = _NGRAM_POOL_BYTES if "ngram-mod" in drafts else 0
    entry = _VOCABULARY_ENTRY_BYTES + _SAMPLED_ENTRY_BYTES * cache.slots
    nodes = max(1024, 8 * (model.n_tensors or 0))  # llama_context::graph_max_nodes
    plan = nodes * _PLAN_BYTES_A_NODE
    return _PROGRAM_BYTES + entry * (model.n_vocab or 0) + plan + pool


def _uncounted(
    model: ModelInfo, settings: Mapping[str, Setting], where: Placement
) -> tuple[str, ...]:
    notes = ["the GPU driver's own memory"] if where.any_on_device else []
    if model.architecture in _INDEXED:
        notes.append(f"the sparse-attention cache of {model.architecture}")
    if "model-draft" in settings or "spec-draft-model" in settings:
        notes.append("the draft model")
    if where.unknown:
        notes.append(f"weights on the GPU: {where.unknown} decides")
    return tuple(notes)
