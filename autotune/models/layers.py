"""Which layers hold what: full attention, a sliding window, a recurrent state.

Much of it is coded per architecture in llama.cpp and not in the file (``load_arch_hparams`` of
each file in its ``src/models``, build b11434); the tables here say the same. A pattern that the
file carries wins over the table, as it does there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from autotune.models.keys import Keys


@dataclass(frozen=True, slots=True)
class _Window:
    """Sliding windows in one architecture.

    Attributes:
        period: of each `period` layers all but one have a window; 0 is every layer; ``None``
            means that the file must carry the pattern.
        full_first: the full layer is the first of the period, not the last.
        default: the window when the file names none; ``None`` means no windows then.
        fixed: the window whatever the file says (but zero).
        only_layers: the rule holds for this many layers alone.
    """

    period: int | None
    full_first: bool = False
    default: int | None = None
    fixed: int | None = None
    only_layers: int | None = None


_WINDOWS: dict[str, _Window] = {
    "gemma2": _Window(2, default=4096),
    "gemma3": _Window(6),
    "gemma3n": _Window(5),
    "gemma4": _Window(None),
    "cohere2": _Window(4),
    "cohere2moe": _Window(4, full_first=True),
    "llama4": _Window(4, default=8192, fixed=8192),
    "exaone4": _Window(4, default=4096, only_layers=64),
    "exaone-moe": _Window(4, default=128),
    "olmo2": _Window(4),
    "gpt-oss": _Window(2),
    "plamo3": _Window(8),
    "smallthinker": _Window(4, full_first=True, fixed=4096),
    "afmoe": _Window(4),
    "laguna": _Window(4, full_first=True),
    "mellum": _Window(4),
    "muse-glimmer": _Window(4),
    "lfm2": _Window(0),
    "granite_swa": _Window(None),
    "mimo2": _Window(None),
    "step35": _Window(None),
    "maple": _Window(None),
    "spark2_5": _Window(None),
}

_NO_WINDOW = frozenset({"phi3"})
"""The file may name a window that llama.cpp does not use."""

_PURE_RECURRENT = frozenset({"mamba", "mamba2", "rwkv6", "rwkv6qwen2", "rwkv7", "arwkv7"})
_INTERVAL = {"qwen3next": 4, "qwen35": 4, "qwen35moe": 4, "qwen4exp": 4, "minimax-01": 8}
"""Full attention on every n-th layer, where neither the file's list nor its interval says."""

_BY_KV_HEADS = frozenset(
    {"jamba", "plamo2", "granitehybrid", "lfm2", "lfm2moe", "kimi-linear", "bailingmoe3"}
    | {"kimi-k3", "glm5-next", "nemotron_h", "nemotron_h_moe"}
)
"""A layer without KV heads is recurrent."""

_BOTH = frozenset({"falcon-h1"})
"""Every layer has attention and a recurrent state side by side."""

_GEMMA3N_KV_LAYERS = 20
"""gemma3n: only the first 20 layers have a KV cache, the rest read theirs."""


@dataclass(frozen=True, slots=True)
class LayerPlan:
    """Layer indices by what they hold; a layer may be in none (feed-forward only)."""

    attention: tuple[int, ...]
    window: tuple[int, ...]
    recurrent: tuple[int, ...]
    sliding_window: int | None


def plan_layers(keys: Keys, n_layers: int, kv_heads: Sequence[int]) -> LayerPlan:
    """The plan of a model with `n_layers` trunk layers and `kv_heads` KV heads in each."""
    recurrent = _recurrent(keys, n_layers, kv_heads)
    holders = _cache_holders(keys, n_layers)
    both = keys.architecture in _BOTH
    attention = tuple(
        i
        for i in range(n_layers)
        if i < holders and kv_heads[i] > 0 and (both or i not in recurrent)
    )
    window = _window_tokens(keys, n_layers)
    pattern = _pattern(keys, n_layers) if window else frozenset()
    windowed = tuple(i for i in attention if i in pattern)
    return LayerPlan(
        attention=attention,
        window=windowed,
        recurrent=tuple(sorted(recurrent)),
        sliding_window=window if windowed else None,
    )


def _window_tokens(keys: Keys, n_layers: int) -> int | None:
    """The window in tokens, or ``None`` for a model whose layers all see everything."""
    rule = _rule(keys, n_layers)
    said = keys.integer("attention.sliding_window")
    if rule is None or said == 0:
        return None
    if rule.fixed is not None and (said is not None or rule.default is not None):
        return rule.fixed
    return said if said is not None else rule.default


def _rule(keys: Keys, n_layers: int) -> _Window | None:
    if keys.architecture in _NO_WINDOW:
        return None
    rule = _WINDOWS.get(keys.architecture)
    if rule is None and keys.flags("attention.sliding_window_pattern"):
        return _Window(None)  # unknown to the table, but the file spells it out
    if rule and rule.only_layers not in (None, n_layers):
        return None
    return rule


def _pattern(keys: Keys, n_layers: int) -> frozenset[int]:
    """The layers with a window."""
    if spelled := keys.flags("attention.sliding_window_pattern"):
        return frozenset(i for i, flag in enumerate(spelled[:n_layers]) if flag)
    rule = _rule(keys, n_layers)
    period = keys.integer("attention.sliding_window_pattern")
    if period is None and rule:
        period = rule.period
    if period is None or rule is None:
        return frozenset()
    full = 0 if rule.full_first else period - 1
    return frozenset(i for i in range(n_layers) if period == 0 or i % period != full)


def _recurrent(keys: Keys, n_layers: int, kv_heads: Sequence[int]) -> frozenset[int]:
    """The layers with a recurrent state."""
    everywhere = range(n_layers)
    if keys.architecture in _PURE_RECURRENT | _BOTH:
        return frozenset(everywhere)
    if keys.architecture in _INTERVAL:
        return _by_interval(keys, n_layers)
    if keys.architecture in _BY_KV_HEADS:
        widths = keys.per_layer("feed_forward_length", n_layers, 0)
        mixed = keys.architecture.startswith("nemotron_h")
        return frozenset(i for i in everywhere if kv_heads[i] == 0 and not (mixed and widths[i]))
    return frozenset()


def _by_interval(keys: Keys, n_layers: int) -> frozenset[int]:
    if spelled := keys.flags("attention.recurrent_layers"):
        return frozenset(i for i, flag in enumerate(spelled[:n_layers]) if flag)
    interval = keys.integer("full_attention_interval") or _INTERVAL[keys.architecture]
    return frozenset(i for i in range(n_layers) if (i + 1) % interval)


def _cache_holders(keys: Keys, n_layers: int) -> int:
    """Layers before this one have a cache of their own; later ones read an earlier layer's."""
    if keys.architecture == "gemma3n":
        return min(n_layers, _GEMMA3N_KV_LAYERS)
    return n_layers - (keys.integer("attention.shared_kv_layers") or 0)
