from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hf_folder import write_config

from autotune.models.hf_config import read_config
from autotune.models.hf_layers import plan_hf_layers
from autotune.models.hf_state import hf_state_elements


def plan(tmp_path: Path, n_layers: int, **changes: Any) -> tuple[list[int], list[int], list[int]]:
    config = read_config(write_config(tmp_path, **changes))
    found = plan_hf_layers(config, n_layers, (2,) * n_layers)
    return list(found.attention), list(found.window), list(found.recurrent)


@pytest.mark.parametrize(
    ("layers", "changes", "windowed"),
    [
        (3, {"sliding_window": 64}, [0, 1, 2]),  # Mistral 7B of 2023
        (3, {"sliding_window": None}, []),
        (3, {"sliding_window": 64, "use_sliding_window": False}, []),
        (4, {"sliding_window": 64, "use_sliding_window": True, "max_window_layers": 2}, [2, 3]),
        (4, {"model_type": "gemma2", "sliding_window": 64}, [0, 2]),
        (6, {"model_type": "gemma3_text", "sliding_window": 64}, [0, 1, 2, 3, 4]),
        (3, {"sliding_window": 64, "sliding_window_pattern": 3}, [0, 1]),
        (4, {"sliding_window": 64, "sliding_window_pattern": "LLG"}, [0, 1, 3]),
        (2, {"sliding_window": 64, "layer_types": ["full_attention", "sliding_attention"]}, [1]),
        (2, {"layer_types": ["chunked_attention", "full_attention"]}, []),
        (2, {"attention_chunk_size": 8, "layer_types": ["chunked_attention"] * 2}, [0, 1]),
        (4, {"attention_chunk_size": 8, "no_rope_layer_interval": 4}, [0, 1, 2]),
        (2, {"sliding_window_size": 8, "hybrid_layer_pattern": [0, 1]}, [1]),
    ],
)
def test_windows(tmp_path: Path, layers: int, changes: dict[str, Any], windowed: list[int]) -> None:
    attention, window, recurrent = plan(tmp_path, layers, **changes)
    assert window == windowed
    assert attention == list(range(layers))
    assert recurrent == []


@pytest.mark.parametrize(
    ("layers", "changes", "attention", "recurrent"),
    [
        (4, {"full_attention_interval": 4}, [3], [0, 1, 2]),
        (2, {"layer_types": ["linear_attention", "full_attention"]}, [1], [0]),
        (3, {"layers_block_type": ["mamba", "attention", "mamba"]}, [1], [0, 2]),
        (4, {"hybrid_override_pattern": "M-*M"}, [2], [0, 3]),
        (4, {"attn_layer_period": 4, "attn_layer_offset": 2}, [2], [0, 1, 3]),
        (3, {"attn_layer_indices": [1]}, [1], [0, 2]),
        (3, {"full_attn_idxs": [2]}, [2], [0, 1]),
        (3, {"linear_attn_config": {"full_attn_layers": [3]}}, [2], [0, 1]),
        (3, {"attn_type_list": [0, 0, 1]}, [2], [0, 1]),
        (4, {"block_types": ["recurrent", "recurrent", "attention"]}, [2], [0, 1, 3]),
        (2, {"model_type": "mamba2"}, [], [0, 1]),
        (2, {"model_type": "falcon_h1"}, [0, 1], [0, 1]),
        (2, {"layer_types": ["made-up", "full_attention"]}, [1], []),
        (2, {"layer_types": ["full_attention"]}, [0], []),
    ],
)
def test_hybrids(
    tmp_path: Path,
    layers: int,
    changes: dict[str, Any],
    attention: list[int],
    recurrent: list[int],
) -> None:
    assert plan(tmp_path, layers, **changes) == (attention, [], recurrent)


def test_layers_that_read_an_earlier_cache_hold_none(tmp_path: Path) -> None:
    assert plan(tmp_path, 4, num_kv_shared_layers=2)[0] == [0, 1]


@pytest.mark.parametrize(
    ("changes", "elements"),
    [
        (
            {  # Qwen 3 Next: 3 x (2 x 16 x 128 + 32 x 128) + 32 x 128 x 128
                "linear_num_value_heads": 32,
                "linear_num_key_heads": 16,
                "linear_key_head_dim": 128,
                "linear_value_head_dim": 128,
                "linear_conv_kernel_dim": 4,
            },
            3 * 8192 + 524288,
        ),
        (
            {  # Mamba 2: 8 heads of 16, one group
                "mamba_n_heads": 8,
                "mamba_d_head": 16,
                "mamba_d_state": 32,
                "mamba_d_conv": 4,
                "mamba_n_groups": 1,
            },
            3 * (128 + 64) + 128 * 32,
        ),
        ({"state_size": 16, "conv_kernel": 4, "expand": 2}, 3 * 64 + 64 * 16),  # Mamba 1
        ({"conv_L_cache": 3}, 2 * 32),  # LFM2
        (
            {"linear_attn_config": {"num_heads": 4, "head_dim": 8, "short_conv_kernel_size": 4}},
            3 * 3 * 32 + 4 * 64,
        ),
        ({"attn_type_list": [0], "head_dim": 8}, 4 * 64),
        ({}, 0),
    ],
)
def test_states(tmp_path: Path, changes: dict[str, Any], elements: int) -> None:
    assert hf_state_elements(read_config(write_config(tmp_path, **changes))) == elements
