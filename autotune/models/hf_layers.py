"""Which layers of a Hugging Face model hold what: full attention, a window, a recurrent state.

Newer configurations spell it out in ``layer_types``; older ones each in their own way. What is
not understood holds nothing here: memory is estimated from below.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from autotune.models.hf_config import HfConfig
from autotune.models.layers import LayerPlan

_FULL = frozenset({"full_attention", "attention", "global", "full", "global_attention"})
_WINDOW = frozenset({"sliding_attention", "chunked_attention", "local", "sliding", "swa"})
_RECURRENT = frozenset({"linear_attention", "mamba", "mamba2", "conv", "recurrent", "linear"})
_BOTH = frozenset({"hybrid"})
_LETTERS = {"M": "mamba", "*": "attention", "L": "local", "G": "global"}
"""``hybrid_override_pattern`` (Nemotron-H) and a spelled ``sliding_window_pattern`` (EXAONE)."""

_PURE_RECURRENT = frozenset({"mamba", "mamba2", "falcon_mamba", "rwkv", "rwkv7", "codestral"})
_ALWAYS_BOTH = frozenset({"falcon_h1"})
_PERIODS = {"gemma2": 2, "gemma3_text": 6, "cohere2": 4, "gpt_oss": 2, "exaone4": 4}
"""Of so many layers the last sees everything, where the file does not say which do."""


def plan_hf_layers(config: HfConfig, n_layers: int, kv_heads: Sequence[int]) -> LayerPlan:
    """The plan of a model with `n_layers` layers and `kv_heads` KV heads in each."""
    names = layer_names(config, n_layers)
    own = n_layers - (config.integer("num_kv_shared_layers") or 0)
    window = _window_tokens(config)
    holders = [i for i in range(n_layers) if kv_heads[i] > 0 and i < own]
    attention = tuple(i for i in holders if names[i] in _FULL | _WINDOW | _BOTH)
    windowed = tuple(i for i in attention if names[i] in _WINDOW) if window else ()
    return LayerPlan(
        attention=attention,
        window=windowed,
        recurrent=tuple(i for i in range(n_layers) if names[i] in _RECURRENT | _BOTH),
        sliding_window=window if windowed else None,
    )


def layer_names(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """What each layer is, in the words of ``layer_types``."""
    for read in _READERS:
        if names := read(config, n_layers):
            return (*names[:n_layers], *("unknown",) * (n_layers - len(names)))
    return ("full_attention",) * n_layers


def _window_tokens(config: HfConfig) -> int | None:
    """The window in tokens; ``None`` where there is none or it is switched off (Qwen 2)."""
    if not config.switch("use_sliding_window", default=True):
        return None
    return config.integer("sliding_window", "sliding_window_size", "attention_chunk_size")


def _spelled(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """A list of words, one a layer."""
    return tuple(str(n) for n in (config.items("layer_types") or config.items("layers_block_type")))


def _pattern_words(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """RecurrentGemma: a few words, repeated."""
    words = [str(w) for w in config.items("block_types")]
    return tuple(words[i % len(words)] for i in range(n_layers)) if words else ()


def _letters(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """One letter a layer, or a few that repeat."""
    letters = config.value("hybrid_override_pattern", "sliding_window_pattern")
    if not isinstance(letters, str) or not letters:
        return ()
    return tuple(_LETTERS.get(letters[i % len(letters)], "unknown") for i in range(n_layers))


def _by_model_type(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    if config.model_type in _PURE_RECURRENT:
        return ("mamba",) * n_layers
    return ("hybrid",) * n_layers if config.model_type in _ALWAYS_BOTH else ()


def _named_attention(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """Attention on listed layers, something recurrent on the others."""
    kimi = config.table("linear_attn_config").get("full_attn_layers")
    if isinstance(kimi, list):  # Kimi counts from 1
        listed = {int(i) - 1 for i in kimi}
    else:
        listed = set(config.items("attn_layer_indices") or config.items("full_attn_idxs"))
    if not listed:
        return ()
    return tuple("attention" if i in listed else "linear" for i in range(n_layers))


def _flagged_attention(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """MiniMax: 1 is attention, 0 is linear. MiMo: 1 is a window."""
    if flags := config.items("attn_type_list"):
        return tuple("attention" if flag else "linear" for flag in flags)
    flags = config.items("hybrid_layer_pattern")
    return tuple("sliding" if flag == 1 else "attention" for flag in flags)


def _periodic_attention(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """Attention on every n-th layer, something recurrent on the others (Jamba, Qwen 3 Next)."""
    if period := config.integer("attn_layer_period"):
        offset = config.integer("attn_layer_offset") or 0
        return tuple("attention" if i % period == offset else "mamba" for i in range(n_layers))
    if period := config.integer("full_attention_interval"):
        return tuple("linear" if (i + 1) % period else "attention" for i in range(n_layers))
    return ()


def _periodic_window(config: HfConfig, n_layers: int) -> tuple[str, ...]:
    """A window on all layers but every n-th; on all where no period is known (Mistral)."""
    if _window_tokens(config) is None:
        return ()
    if config.integer("no_rope_layer_interval"):  # Llama 4
        return tuple("chunked_attention" if (i + 1) % 4 else "attention" for i in range(n_layers))
    period = config.integer("sliding_window_pattern") or _PERIODS.get(config.model_type)
    if period is None:
        first = config.integer("max_window_layers") or 0  # Qwen 2: full below, a window from here
        return tuple("sliding" if i >= first else "attention" for i in range(n_layers))
    return tuple("sliding" if (i + 1) % period else "attention" for i in range(n_layers))


_READERS: tuple[Callable[[HfConfig, int], tuple[str, ...]], ...] = (
    _spelled, _pattern_words, _letters, _by_model_type, _named_attention, _flagged_attention,
    _periodic_attention, _periodic_window,
)  # fmt: skip
