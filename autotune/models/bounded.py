"""Memory that an engine may take while it serves and that stops growing: caches with a limit.

A server that keeps evicted prompts in host memory grows with every session until its limit is
reached. That is no leak, and which settings set the limit is known for the engines named here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.models import llama_memory
from autotune.models.cache_settings import cache_settings, whole
from autotune.models.estimate import GIB, Demand
from autotune.models.info import ModelInfo
from autotune.models.kv_memory import cell_bytes

_MANY_TURNS = 1_000_000
"""More than any session has: every saved state there may be is counted."""

_VLLM_CPU_POOL_GIB = 4
"""``VLLM_CPU_KVCACHE_SPACE`` where it is not set."""


@dataclass(frozen=True, slots=True)
class Caches:
    """What host memory may grow by after the first fill, and no more.

    Attributes:
        within_bytes: while a session goes on: saved states, a pool that is touched bit by bit.
        between_bytes: when another session comes: prompts that are moved out of their slots.
        name: what grows, in words; empty where nothing does.
        limit_bytes: what the settings allow; ``None`` for no limit at all.
    """

    within_bytes: int = 0
    between_bytes: int = 0
    name: str = ""
    limit_bytes: int | None = 0


NONE = Caches()
"""Everything is taken before the first request."""


def bounded_caches(
    engine: str,
    model: ModelInfo,
    settings: Mapping[str, Setting],
    session_tokens: Sequence[int],
    *,
    gpu: bool,
) -> Caches | None:
    """The caches of an engine (by the name of its search space) in host memory under `settings`.

    `session_tokens` are the deepest prompts of the sessions that it was given: a cache holds no
    more than it was shown. ``None`` for engines, or settings, whose caches are not known.
    """
    try:
        if engine == "llama-server":
            return _llama(model, settings, session_tokens)
        if engine == "vllm":
            return NONE if gpu else _vllm_pool(settings)
    except UserError:  # a setting that is no number: the engine takes it or does not
        return None
    return NONE if engine == "sglang" else None


def _llama(
    model: ModelInfo, settings: Mapping[str, Setting], session_tokens: Sequence[int]
) -> Caches:
    """Prompts in host memory up to ``cache-ram``, each with the states saved of its slot."""
    demand = Demand((max(session_tokens, default=0),), _MANY_TURNS)
    known = llama_memory.estimate(model, settings, demand=demand)
    cache = cache_settings(model, settings)
    states = known.checkpoint_bytes // max(1, cache.slots)
    per_token = sum(cell_bytes(model, cache, i) for i in model.attention_layers)
    shown = sum(int(per_token * tokens) + states for tokens in session_tokens)
    limit = known.prompt_cache_limit_bytes
    kept = shown if limit is None else min(shown, limit)
    within = known.checkpoint_bytes + kept if known.checkpoint_bytes else 0
    names = ["its host prompt cache"] if limit != 0 else []
    names += ["its context checkpoints"] if known.checkpoint_bytes else []
    whole_limit = None if limit is None else limit + known.checkpoint_bytes
    return Caches(within, kept, " and ".join(names), whole_limit)


def _vllm_pool(settings: Mapping[str, Setting]) -> Caches:
    """On a processor the pool of blocks is host memory that is touched as it fills."""
    asked = whole(settings, "kv-cache-memory-bytes", 0)
    gib = whole(settings, "VLLM_CPU_KVCACHE_SPACE", 0) or _VLLM_CPU_POOL_GIB
    pool = asked or gib * GIB
    return Caches(pool, pool, "its pool of KV blocks", pool)
