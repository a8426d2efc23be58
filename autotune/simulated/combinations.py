"""The named combinations of GPU, model and engine, with the work that their agents do.

A `Pace` is fitted to published figures of that machine (`autotune.simulated.published`, where each
has its source), the two of the processor to this project's own recordings; what nobody published is
taken from the nearest machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autotune.candidate import Setting
from autotune.simulated.machine import GIB, Machine, Rest, card, together
from autotune.simulated.model_shapes import (
    GEMMA_27B,
    GPT_OSS_120B,
    LLAMA_3B,
    LLAMA_8B,
    QWEN_27B,
    QWEN_27B_INT4,
    QWEN_30B_A3B,
    QWEN_32B_FP8,
    RANDOM_LLAMA,
    RANDOM_LLAMA_HF,
)
from autotune.simulated.models import Shape
from autotune.simulated.roofline import Pace
from autotune.simulated.vllm import NO_TROUBLES, Troubles
from autotune.simulated.workloads import SimulatedWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One GPU, model and engine. `pins` are flags that the search leaves alone.

    `troubles` are vLLM's with this model on this card; `beside_bytes` are llama-server's, what
    kernels take beside what is worked out.
    """

    title: str
    machine: Machine
    shape: Shape
    engine: str
    pace: Pace
    work: SimulatedWork
    pins: Mapping[str, Setting] = field(default_factory=dict)
    troubles: Troubles = NO_TROUBLES
    beside_bytes: int = 0


AMPERE = Pace(matmul=0.85, attention=0.84, weights=0.80, cache=0.85, request_s=0.045)
AMPERE_HYBRID = Pace(matmul=0.84, attention=0.92, weights=0.455, cache=0.60, request_s=0.045)
"""A model of which most layers are recurrent decodes at a smaller share of the bandwidth."""

ADA = Pace(matmul=1.08, attention=0.45, weights=0.82, cache=0.95, request_s=0.03)
ADA_EXPERTS = Pace(matmul=0.35, attention=0.45, weights=0.70, cache=0.80, request_s=0.03)
BLACKWELL = Pace(matmul=0.75, attention=0.40, weights=0.68, cache=0.70, request_s=0.03)
SPARK = Pace(matmul=0.27, attention=0.57, weights=0.80, cache=0.62, request_s=0.03)
METAL = Pace(matmul=0.74, attention=0.50, weights=0.56, cache=0.40, request_s=0.03)
PROCESSOR = Pace(
    matmul=0.55, attention=0.25, weights=0.75, cache=0.60, step_s=1e-3, request_s=0.01,
    start_s=1.0,
)  # fmt: skip
TWO_CORES_LLAMA = Pace(
    matmul=0.257, attention=0.247, weights=0.75, cache=0.586, step_s=1.13e-3, request_s=0.0373,
    prompt_token_s=6.92e-7, start_s=0.4,
)  # fmt: skip
TWO_CORES_VLLM = Pace(
    matmul=0.693, attention=0.825, weights=0.75, cache=0.439, step_s=1.51e-3, request_s=0.0781,
    prompt_token_s=1.03e-6, start_s=30.0,
)  # fmt: skip
"""The two of the processor are fitted to recorded turns (`autotune.simulated.recorded_cores`)."""

VLLM_AMPERE = Pace(
    matmul=0.55, attention=0.54, weights=0.52, cache=0.60, step_s=9e-3, batch_s=8e-3,
    request_s=0.03, start_s=45.0,
)  # fmt: skip
VLLM_HOPPER = Pace(
    matmul=0.85, attention=0.45, weights=0.72, cache=0.70, step_s=1.5e-3, batch_s=4e-3,
    request_s=0.02, start_s=45.0,
)  # fmt: skip

RTX_3060 = card("rtx-3060", Rest(host_gib=32))
RTX_3090 = card("rtx-3090")
RTX_4090 = card("rtx-4090")
RTX_5090 = card("rtx-5090", Rest(host_gib=96, link_bytes_s=45e9))
SPARK_GB10 = card("gb10", Rest(flops_s=100e12, memory_gib=120, cores=20, threads=20))
M1_MAX = card("apple-m1-max", Rest(flops_s=10.6e12, memory_gib=64, threads=8))
H100 = card("h100", Rest(host_gib=256, link_bytes_s=50e9))
TWO_3090 = together(RTX_3090, 2)
DESKTOP = Machine(
    profile="cpu", title="a processor of 16 cores", gpu=False, memory_bytes=64 * GIB,
    bandwidth_bytes_s=80e9, flops_s=2.4e12, host_bytes=64 * GIB, cores=16, threads=32,
)  # fmt: skip
TWO_CORES = Machine(
    profile="cpu", title="two cores of a shared server", gpu=False, memory_bytes=8 * GIB,
    bandwidth_bytes_s=60e9, flops_s=0.8e12, host_bytes=8 * GIB, cores=2, threads=2,
)  # fmt: skip

_DEEP = SimulatedWork(sessions=12, turns=24, depth=110_000)
_LONG = SimulatedWork(sessions=12, turns=20, depth=58_000)

_CACHE_ON_CARD = {"kv-offload": True}
"""A KV cache in host memory makes any config ten to forty times slower. Chance draws it in every
second trial, and would be beaten by anything: that would say something of the switch, not of
searches."""

QWEN_27B_BESIDE = int(1.31 * GIB)
"""Fitted: a 3090 that starts with 262,144 tokens of q4_0 fails at 125,000 to 155,000 filled ones
(club-3090). That 200,000 tokens leave 1.2 GiB at 183,000 was not fitted, though it was known."""

ONE_3090_VLLM = Combination(
    title="RTX 3090, Qwen3.6 27B int4, vLLM",
    machine=RTX_3090, shape=QWEN_27B_INT4, engine="vllm", pace=VLLM_AMPERE,
    work=SimulatedWork(sessions=2, turns=8, depth=40_000),
    troubles=Troubles(
        useless_hits=True, spare_bytes=1.2e9, depth_bytes=1.2e9 / 55_000, turn_bytes=0.13 * 1.2e9
    ),
)  # fmt: skip
"""What agents run into (club-3090, issue 102, its page of cliffs): hits that save nothing, and no
memory after four or five turns at 21,000 to 26,000 tokens, or with 55,000 at once. Every config of
it fails, so it is none of the combinations."""

COMBINATIONS: Mapping[str, Combination] = {
    "3060-llama-8b": Combination(
        title="RTX 3060, Llama 3.1 8B Q4_K_M, llama-server",
        machine=RTX_3060, shape=LLAMA_8B, engine="llama-server", pace=AMPERE,
        work=SimulatedWork(sessions=12, turns=18, depth=29_000),
        pins=_CACHE_ON_CARD,
    ),
    "3090-qwen-27b": Combination(
        title="RTX 3090, Qwen3.6 27B Q4_K_M, llama-server",
        machine=RTX_3090, shape=QWEN_27B, engine="llama-server", pace=AMPERE_HYBRID,
        work=SimulatedWork(sessions=12, turns=22, depth=58_000), beside_bytes=QWEN_27B_BESIDE,
        pins=_CACHE_ON_CARD,
    ),
    "4090-qwen-30b-a3b": Combination(
        title="RTX 4090, Qwen3 Coder 30B A3B Q4_K_M, llama-server",
        machine=RTX_4090, shape=QWEN_30B_A3B, engine="llama-server", pace=ADA_EXPERTS,
        work=SimulatedWork(sessions=9, turns=24, depth=58_000, subagents=3),
        pins=_CACHE_ON_CARD,
    ),
    "5090-gemma-27b": Combination(
        title="RTX 5090, Gemma 3 27B Q4_K_M, llama-server",
        machine=RTX_5090, shape=GEMMA_27B, engine="llama-server", pace=BLACKWELL, work=_DEEP,
        pins=_CACHE_ON_CARD,
    ),
    "gb10-gpt-oss-120b": Combination(
        title="DGX Spark, gpt-oss-120b MXFP4, llama-server",
        machine=SPARK_GB10, shape=GPT_OSS_120B, engine="llama-server", pace=SPARK, work=_DEEP,
    ),
    "h100-qwen-32b-vllm": Combination(
        title="H100, Qwen3 32B FP8, vLLM",
        machine=H100, shape=QWEN_32B_FP8, engine="vllm", pace=VLLM_HOPPER,
        work=SimulatedWork(sessions=12, turns=16, depth=100_000, concurrency=2),
    ),
    "2x3090-qwen-27b-vllm": Combination(
        title="two RTX 3090, Qwen3.6 27B int4, vLLM",
        machine=TWO_3090, shape=QWEN_27B_INT4, engine="vllm", pace=VLLM_AMPERE, work=_DEEP,
        pins={"tensor-parallel-size": 2, "quantization": "model"},
    ),
    "m1-max-llama-8b": Combination(
        title="Apple M1 Max, Llama 3.1 8B Q4_K_M, llama-server",
        machine=M1_MAX, shape=LLAMA_8B, engine="llama-server", pace=METAL, work=_LONG,
    ),
    "cpu-llama-3b": Combination(
        title="16 cores, Llama 3.2 3B Q4_K_M, llama-server",
        machine=DESKTOP, shape=LLAMA_3B, engine="llama-server", pace=PROCESSOR,
        work=SimulatedWork(sessions=12, turns=14, depth=24_000, start_depth=4_000),
    ),
    "2-cores-llama-server": Combination(
        title="two cores, a random Llama of two layers, llama-server",
        machine=TWO_CORES, shape=RANDOM_LLAMA, engine="llama-server", pace=TWO_CORES_LLAMA,
        work=SimulatedWork(sessions=12, turns=16, depth=58_000, reply_tokens=64),
    ),
    "2-cores-vllm": Combination(
        title="two cores, a random Llama of two layers, vLLM",
        machine=TWO_CORES, shape=RANDOM_LLAMA_HF, engine="vllm", pace=TWO_CORES_VLLM,
        work=SimulatedWork(sessions=12, turns=16, depth=58_000, reply_tokens=64),
    ),
}  # fmt: skip
"""By name. Ask `autotune.simulated.machines.simulated_setup` for one that can be searched."""
