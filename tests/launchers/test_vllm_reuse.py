"""vLLM's blocks."""

from __future__ import annotations

from autotune.launchers.vllm_reuse import cache_shape
from autotune.scoring.reuse_model import Holder

LOG = "INFO 11-22 [kv_cache_utils.py:1305] GPU KV cache size: 1,234,560 tokens\n"


def test_the_pool_and_its_blocks() -> None:
    shape = cache_shape({"block-size": 16, "enable-prefix-caching": True}, LOG)
    assert (shape.holder, shape.block_tokens, shape.pool_tokens) == (Holder.BLOCKS, 16, 1_234_560)
    assert shape.enabled is True


def test_what_it_does_not_say_is_not_known() -> None:
    shape = cache_shape({"enable-prefix-caching": False}, "")
    assert (shape.block_tokens, shape.pool_tokens, shape.enabled) == (None, None, False)
