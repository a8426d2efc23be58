"""How large a recurrent layer's state is (``llama-hparams.cpp``: n_embd_r and n_embd_s)."""

from __future__ import annotations

from autotune.models.keys import Keys


def state_elements(keys: Keys, n_heads: int) -> int:
    """Float32 values per recurrent layer and sequence, convolution and state together."""
    n_embd = keys.required("embedding_length")
    if head := keys.integer("wkv.head_size"):
        return _token_shifts(keys) * n_embd + n_embd * head
    if conv := keys.integer("shortconv.l_cache"):
        return n_embd * (conv - 1)
    if head := keys.integer("kda.head_dim"):
        return _delta_attention(keys, n_heads, head)
    if keys.architecture == "minimax-01":
        return (keys.integer("attention.key_length") or n_embd // max(n_heads, 1)) ** 2 * n_heads
    return _state_space(keys)


def _token_shifts(keys: Keys) -> int:
    said = keys.integer("token_shift_count")
    return 2 if said is None else said


def _delta_attention(keys: Keys, n_heads: int, head: int) -> int:
    """Kimi delta attention: three convolutions and a square state per head."""
    conv = keys.integer("ssm.conv_kernel") or 4
    return 3 * (conv - 1) * n_heads * head + head * head * n_heads


def _state_space(keys: Keys) -> int:
    """Mamba-like: a convolution window over inner and group channels, and the state itself."""
    inner = keys.integer("ssm.inner_size") or 0
    state = keys.integer("ssm.state_size") or 0
    group = keys.integer("ssm.group_count") or 0
    conv = keys.integer("ssm.conv_kernel") or 0
    return max(conv - 1, 0) * (inner + 2 * group * state) + state * inner
