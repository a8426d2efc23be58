"""How many parameters a plain decoder has, from its configuration alone.

For folders without weights, which engines serve with random ones (``--load-format dummy``).
Architectures that are not in the table have no answer: a guess would be taken for a fact.
"""

from __future__ import annotations

from dataclasses import dataclass

from autotune.models.hf_config import HfConfig


@dataclass(frozen=True, slots=True)
class _Family:
    """What a family's layers hold besides projections.

    Attributes:
        norms: vectors of the hidden size in each layer.
        head_norms: a norm over each head of Q and K (one vector of the head's size each).
        wide_norms: norms over all of Q and all of K.
        qkv_bias: biases on Q, K and V whatever the file says.
        tied: the output layer is the embedding, where the file does not say.
    """

    norms: int = 2
    head_norms: bool = False
    wide_norms: bool = False
    qkv_bias: bool = False
    tied: bool = False


_FAMILIES: dict[str, _Family] = {
    "llama": _Family(),
    "mistral": _Family(),
    "mixtral": _Family(),
    "phi3": _Family(),
    "granite": _Family(),
    "smollm3": _Family(tied=True),
    "qwen2": _Family(qkv_bias=True),
    "qwen3": _Family(head_norms=True),
    "qwen3_moe": _Family(head_norms=True),
    "olmo2": _Family(wide_norms=True),
    "gemma": _Family(tied=True),
    "gemma2": _Family(norms=4, tied=True),
    "gemma3_text": _Family(norms=4, head_norms=True, tied=True),
}


def count_parameters(
    config: HfConfig, *, n_heads: tuple[int, ...], kv_heads: tuple[int, ...], head_length: int
) -> int | None:
    """Parameters of the language model; ``None`` for an architecture that is not plain."""
    family = _FAMILIES.get(config.model_type)
    hidden, vocab = config.integer("hidden_size"), config.integer("vocab_size")
    if family is None or hidden is None or vocab is None or config.text is not config.top:
        return None  # what a multimodal model holds besides is not known
    tied = is_tied(config)
    total = vocab * hidden * (1 if tied else 2) + hidden
    for layer, (heads, kv) in enumerate(zip(n_heads, kv_heads, strict=True)):
        feed = _feed_forward(config, hidden, layer)
        if feed is None:
            return None
        total += feed + _attention(config, family, hidden, heads * head_length, kv * head_length)
        total += family.norms * hidden + (2 * head_length if family.head_norms else 0)
    return total


def is_tied(config: HfConfig) -> bool:
    """Whether the output layer is the embedding, as far as the configuration says."""
    family = _FAMILIES.get(config.model_type)
    return config.switch("tie_word_embeddings", default=family.tied if family else False)


def _attention(config: HfConfig, family: _Family, hidden: int, query: int, key: int) -> int:
    """Q, K, V and output projections, with their biases and wide norms."""
    total = 2 * hidden * query + 2 * hidden * key
    said = config.switch("attention_bias", default=False)
    if family.qkv_bias or said:
        total += query + 2 * key
    if said and not family.qkv_bias:
        total += hidden
    return total + (query + key if family.wide_norms else 0)


def _feed_forward(config: HfConfig, hidden: int, layer: int) -> int | None:
    """Up, gate and down of one layer, or of all its experts with their router."""
    experts = config.integer("num_local_experts", "num_experts")
    width = config.integer("intermediate_size")
    if experts and _has_experts(config, layer):
        inner = config.integer("moe_intermediate_size") or width
        return None if inner is None else experts * 3 * hidden * inner + hidden * experts
    if width is None:
        return None
    bias = 2 * width + hidden if config.switch("mlp_bias", default=False) else 0
    return 3 * hidden * width + bias


def _has_experts(config: HfConfig, layer: int) -> bool:
    step = config.integer("decoder_sparse_step") or 1
    return layer not in config.items("mlp_only_layers") and (layer + 1) % step == 0
