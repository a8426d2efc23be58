"""The named combinations of GPU, model and engine, with the work that their agents do.

A `Pace` is fitted to published figures of that machine (`autotune.simulated.published`, where each
has its source), the two of the processor to this project's own recordings; what nobody published is
taken from the nearest machine.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from autotune.candidate import Setting
from autotune.simulated.machine import GIB, Machine, card, together
from autotune.simulated.model_shapes import (
    GEMMA_27B,
    GPT_OSS_120B,
    LLAMA_3B,
    LLAMA_8B,
    QWEN_27B,
    QWEN_30B_A3B,
)
from autotune.simulated.models import Shape
from autotune.simulated.roofline import Pace
from autotune.simulated.workloads import SimulatedWork


@dataclass(frozen=True, slots=True, kw_only=True)
class Combination:
    """One GPU, model and engine. `pins` are flags that the search leaves alone."""

    title: str
    machine: Machine
    shape: Shape
    engine: str
    pace: Pace
    work: SimulatedWork
    pins: Mapping[str, Setting] = field(default_factory=dict)


AMPERE = Pace(matmul=0.78, attention=0.84, weights=0.52, cache=0.60, request_s=0.045)
ADA = Pace(matmul=0.60, attention=0.45, weights=0.86, cache=0.80, request_s=0.03)
BLACKWELL = Pace(matmul=0.45, attention=0.40, weights=0.72, cache=0.65, request_s=0.03)
SPARK = Pace(matmul=0.27, attention=0.285, weights=0.80, cache=0.62, request_s=0.03)
METAL = Pace(matmul=0.78, attention=0.50, weights=0.46, cache=0.35, request_s=0.03)
PROCESSOR = Pace(
    matmul=0.55, attention=0.25, weights=0.75, cache=0.60, step_s=1e-3, request_s=0.01,
    start_s=1.0,
)  # fmt: skip

RTX_3060 = card("rtx-3060", host_bytes=32 * GIB)
RTX_3090 = card("rtx-3090")
RTX_4090 = card("rtx-4090", host_bytes=64 * GIB)
RTX_5090 = card("rtx-5090", host_bytes=96 * GIB, link_bytes_s=45e9)
SPARK_GB10 = card("gb10", flops_s=100e12, memory_bytes=120 * GIB, cores=20, threads=20)
M1_MAX = card("apple-m1-max", flops_s=10.6e12, memory_bytes=64 * GIB, cores=8, threads=8)
TWO_3090 = together(RTX_3090, 2)
DESKTOP = Machine(
    profile="cpu", title="a processor of 16 cores", gpu=False, memory_bytes=64 * GIB,
    bandwidth_bytes_s=80e9, flops_s=2.4e12, host_bytes=64 * GIB, cores=16, threads=32,
)  # fmt: skip
TWO_CORES = Machine(
    profile="cpu", title="two cores of a shared server", gpu=False, memory_bytes=8 * GIB,
    bandwidth_bytes_s=12e9, flops_s=0.12e12, host_bytes=8 * GIB, cores=2, threads=2,
)  # fmt: skip

_DEEP = SimulatedWork(sessions=6, turns=24, depth=110_000)
_LONG = SimulatedWork(sessions=6, turns=20, depth=60_000)

COMBINATIONS: Mapping[str, Combination] = {
    "3060-llama-8b": Combination(
        title="RTX 3060, Llama 3.1 8B Q4_K_M, llama-server",
        machine=RTX_3060, shape=LLAMA_8B, engine="llama-server", pace=AMPERE,
        work=SimulatedWork(sessions=6, turns=18, depth=34_000),
    ),
    "3090-qwen-27b": Combination(
        title="RTX 3090, Qwen3.6 27B Q4_K_M, llama-server",
        machine=RTX_3090, shape=QWEN_27B, engine="llama-server", pace=AMPERE,
        work=SimulatedWork(sessions=6, turns=22, depth=64_000),
    ),
    "4090-qwen-30b-a3b": Combination(
        title="RTX 4090, Qwen3 Coder 30B A3B Q4_K_M, llama-server",
        machine=RTX_4090, shape=QWEN_30B_A3B, engine="llama-server", pace=ADA,
        work=SimulatedWork(sessions=5, turns=24, depth=60_000, subagents=3),
    ),
    "5090-gemma-27b": Combination(
        title="RTX 5090, Gemma 3 27B Q4_K_M, llama-server",
        machine=RTX_5090, shape=GEMMA_27B, engine="llama-server", pace=BLACKWELL, work=_DEEP,
    ),
    "gb10-gpt-oss-120b": Combination(
        title="DGX Spark, gpt-oss-120b MXFP4, llama-server",
        machine=SPARK_GB10, shape=GPT_OSS_120B, engine="llama-server", pace=SPARK, work=_DEEP,
    ),
    "m1-max-llama-8b": Combination(
        title="Apple M1 Max, Llama 3.1 8B Q4_K_M, llama-server",
        machine=M1_MAX, shape=LLAMA_8B, engine="llama-server", pace=METAL, work=_LONG,
    ),
    "cpu-llama-3b": Combination(
        title="16 cores, Llama 3.2 3B Q4_K_M, llama-server",
        machine=DESKTOP, shape=LLAMA_3B, engine="llama-server", pace=PROCESSOR,
        work=SimulatedWork(sessions=4, turns=14, depth=24_000, start_depth=4_000),
    ),
}  # fmt: skip
"""By name. Ask `autotune.simulated.machines.simulated_setup` for one that can be searched."""
