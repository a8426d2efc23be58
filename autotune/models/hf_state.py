"""How large the recurrent state of a Hugging Face model's layer is.

Shapes as vLLM lays them out (``mamba_utils.py``, build 0.32), on one GPU and without speculation.
"""

from __future__ import annotations

from autotune.models.hf_config import HfConfig


def hf_state_elements(config: HfConfig) -> int:
    """Values of one layer's state for one sequence; 0 where the shape is not known."""
    if config.integer("linear_num_value_heads"):
        return _gated_delta(config)
    if linear := config.table("linear_attn_config"):
        return _delta_attention(linear)
    if conv := config.integer("conv_L_cache"):
        return (conv - 1) * (config.integer("conv_dim", "hidden_size") or 0)
    if config.items("attn_type_list"):
        heads = config.integer("num_attention_heads") or 0
        return heads * (config.integer("head_dim") or 0) ** 2
    return _state_space(config)


def _gated_delta(config: HfConfig) -> int:
    """Qwen 3 Next and 3.5."""
    values = config.integer("linear_num_value_heads") or 0
    keys = config.integer("linear_num_key_heads") or 0
    value_dim = config.integer("linear_value_head_dim") or 0
    key_dim = config.integer("linear_key_head_dim") or 0
    conv = (config.integer("linear_conv_kernel_dim") or 1) - 1
    return conv * (2 * keys * key_dim + values * value_dim) + values * value_dim * key_dim


def _delta_attention(table: object) -> int:
    """Kimi Linear: three convolutions and a square state per head."""
    said = table if isinstance(table, dict) else {}
    heads, width = int(said.get("num_heads") or 0), int(said.get("head_dim") or 0)
    conv = int(said.get("short_conv_kernel_size") or 4) - 1
    return 3 * conv * heads * width + heads * width * width


def _state_space(config: HfConfig) -> int:
    """Mamba 1 and 2: a convolution window over inner and group channels, and the state itself."""
    state = config.integer("mamba_d_state", "ssm_state_size", "state_size", "d_state") or 0
    conv = config.integer("mamba_d_conv", "conv_kernel", "d_conv") or 1
    inner = _inner(config)
    groups = 0
    if config.integer("mamba_n_heads", "mamba_num_heads", "num_heads"):  # Mamba 2 has heads
        groups = config.integer("mamba_n_groups", "n_groups", "mamba_ngroups") or 1
    return (conv - 1) * (inner + 2 * groups * state) + inner * state


def _inner(config: HfConfig) -> int:
    """Channels of the state space."""
    if said := config.integer("mamba_d_ssm", "mamba_intermediate_size", "d_inner"):
        return said
    heads = config.integer("mamba_n_heads", "mamba_num_heads", "n_mamba_heads", "num_heads")
    width = config.integer("mamba_d_head", "mamba_head_dim", "mamba_headdim")
    if heads and width:
        return heads * width
    expand = config.integer("mamba_expand", "expand") or 2
    return expand * (config.integer("hidden_size", "d_model") or 0)
