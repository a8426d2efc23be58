"""The models of the named combinations, by their published configurations."""

from __future__ import annotations

from dataclasses import replace

from autotune.simulated.models import Acceptance, Shape

LLAMA_8B = Shape(
    name="Llama-3.1-8B-Instruct-Q4_K_M", architecture="llama", quantization="Q4_K_M",
    n_params=8.03e9, weights_bytes=4.92e9, n_layers=32, n_embd=4096, heads=32, kv_heads=8,
    head=128, feed_forward=14336, n_vocab=128256, n_ctx=131072,
)  # fmt: skip

QWEN_27B = Shape(
    name="Qwen3.6-27B-Q4_K_M", architecture="qwen35", quantization="Q4_K_M",
    n_params=27.8e9, weights_bytes=17.3e9, n_layers=64, n_embd=5120, heads=24, kv_heads=4,
    head=256, feed_forward=17408, n_vocab=248320, n_ctx=262144, full_period=4,
    recurrent_elements=48 * 128 * 128 + 3 * (2 * 16 * 128 + 48 * 128),
    recurrent_width=48 * 128, draft_layers=1,
    acceptance=Acceptance(head=0.82),
)  # fmt: skip
"""Sixteen layers of attention, 48 of gated delta rule: one in four."""

QWEN_27B_INT4 = replace(
    QWEN_27B, name="Qwen3.6-27B-int4-AutoRound", quantization="int4", weights_bytes=17.5e9,
    huggingface=True,
)  # fmt: skip

QWEN_30B_A3B = Shape(
    name="Qwen3-Coder-30B-A3B-Instruct-Q4_K_M", architecture="qwen3moe", quantization="Q4_K_M",
    n_params=30.53e9, weights_bytes=18.6e9, n_layers=48, n_embd=2048, heads=32, kv_heads=4,
    head=128, feed_forward=8 * 768, n_vocab=151936, n_ctx=262144, experts=128, experts_used=8,
    expert_share=0.95, active_params=3.0e9,
)  # fmt: skip

QWEN_30B_A3B_Q8 = replace(
    QWEN_30B_A3B, name="Qwen3-Coder-30B-A3B-Instruct-Q8_0", quantization="Q8_0",
    weights_bytes=30.25 * 2**30,
)  # fmt: skip

GEMMA_27B = Shape(
    name="gemma-3-27b-it-Q4_K_M", architecture="gemma3", quantization="Q4_K_M",
    n_params=27.0e9, weights_bytes=16.5e9, n_layers=62, n_embd=5376, heads=32, kv_heads=16,
    head=128, feed_forward=21504, n_vocab=262144, n_ctx=131072, window=1024, window_period=6,
    tied=True,
)  # fmt: skip

GPT_OSS_120B = Shape(
    name="gpt-oss-120b-MXFP4", architecture="gpt-oss", quantization="MXFP4",
    n_params=116.83e9, weights_bytes=59.02 * 2**30, n_layers=36, n_embd=2880, heads=64,
    kv_heads=8, head=64, feed_forward=4 * 2880, n_vocab=201088, n_ctx=131072, window=128,
    window_period=2, experts=128, experts_used=4, expert_share=0.97, active_params=5.1e9,
)  # fmt: skip

QWEN_32B_FP8 = Shape(
    name="Qwen3-32B-FP8", architecture="qwen3", quantization="fp8", n_params=32.8e9,
    weights_bytes=34.0e9, n_layers=64, n_embd=5120, heads=64, kv_heads=8, head=128,
    feed_forward=25600, n_vocab=151936, n_ctx=131072, huggingface=True,
)  # fmt: skip

LLAMA_3B = Shape(
    name="Llama-3.2-3B-Instruct-Q4_K_M", architecture="llama", quantization="Q4_K_M",
    n_params=3.21e9, weights_bytes=2.02e9, n_layers=28, n_embd=3072, heads=24, kv_heads=8,
    head=128, feed_forward=8192, n_vocab=128256, n_ctx=131072, tied=True,
)  # fmt: skip

RANDOM_LLAMA = Shape(
    name="random-llama-2x256-131072", architecture="llama", quantization="F16", n_params=1.39e7,
    weights_bytes=2.8e7, n_layers=2, n_embd=256, heads=1, kv_heads=1, head=64,
    feed_forward=768, n_vocab=49152, n_ctx=131072, tied=True,
)  # fmt: skip
"""The stand-in of the recorded runs on a processor (``tools/make_deep_gguf.py``)."""

RANDOM_LLAMA_HF = replace(RANDOM_LLAMA, name="deep-llama-hf", quantization="BF16", huggingface=True)
