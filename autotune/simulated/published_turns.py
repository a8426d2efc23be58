"""Published medians over whole agent sessions on one RTX 3090, and the simulator's own.

The prompts behind the published figures are not public. Theirs are stood in for by made-up sessions
of the synthesizer that grow to 175,000 tokens; how many turns they take on the way, and so how much
is new at each, is the one thing chosen to fit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import median

from autotune.candidate import Setting
from autotune.replay.plan import Order
from autotune.simulated.combinations import (
    AMPERE_HYBRID,
    ONE_3090_VLLM,
    QWEN_27B_BESIDE,
    RTX_3090,
)
from autotune.simulated.llama import LlamaServer
from autotune.simulated.model_shapes import QWEN_27B
from autotune.simulated.models import simulated_model
from autotune.simulated.prompts import PlanShape, plan_shape
from autotune.simulated.served import Served
from autotune.simulated.vllm import Vllm
from autotune.simulated.workloads import SimulatedWork, whole_plan
from autotune.workload.depth import bucket_label

LLAMA_TTFT_S: Mapping[str, float] = {
    "0-10k": 1.99, "10-30k": 2.81, "30-60k": 3.33, "60-120k": 3.16, "120k+": 4.13,
}  # fmt: skip
"""p50 TTFT by depth over 1,567 turns of Qwen3.6-27B on a card of the 3090's class, llama.cpp
(Fizeau's published tables)."""

VLLM_TTFT_S: Mapping[str, float] = {"0-10k": 15.3, "10-30k": 21.6}
"""The same on vLLM. Its 496 s at 30-60k are left out: the simulated server is out of memory
there."""

AGENTS = SimulatedWork(
    sessions=12, turns=46, start_depth=2_000, depth=175_000, reply_tokens=200,
    order=Order.SEQUENTIAL,
)  # fmt: skip

ON_RECORD: Mapping[str, Setting] = {
    "cache-type-k": "q4_0", "cache-type-v": "q4_0", "ctx-size": 200_000, "parallel": 1,
    "batch-size": 4096, "ubatch-size": 512, "flash-attn": "on", "spec-type": "draft-mtp",
    "spec-draft-n-max": 2, "n-gpu-layers": "all",
}  # fmt: skip
"""The config of the card's users (club-3090): it holds 200,000 tokens."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A published median and the simulated one, in seconds, over `turns` turns."""

    label: str
    published_s: float
    simulated_s: float
    turns: int

    @property
    def error(self) -> float:
        """``simulated / published - 1``."""
        return self.simulated_s / self.published_s - 1.0


def one_3090() -> LlamaServer:
    """llama-server with Qwen3.6-27B on a 3090."""
    return LlamaServer(RTX_3090, simulated_model(QWEN_27B), AMPERE_HYBRID, QWEN_27B_BESIDE)


def llama_buckets() -> list[Bucket]:
    """TTFT by depth of the config on record."""
    shape = plan_shape(whole_plan(AGENTS))
    return _buckets(shape, one_3090().run(ON_RECORD, shape).turns, LLAMA_TTFT_S)


def vllm_buckets() -> list[Bucket]:
    """The same on vLLM, sessions of their own so that memory lasts: one turn each."""
    combination = ONE_3090_VLLM
    model = simulated_model(combination.shape)
    lasting = replace(combination.troubles, depth_bytes=0.0, turn_bytes=0.0)
    engine = Vllm(combination.machine, model, combination.pace, fp8=False, troubles=lasting)
    shape = plan_shape(whole_plan(replace(AGENTS, depth=30_000, turns=12)))
    settings: dict[str, Setting] = {"max-model-len": 40_000, "max-num-seqs": 1,
                                    "max-num-batched-tokens": 4128}  # fmt: skip
    return _buckets(shape, engine.run(settings, shape).turns, VLLM_TTFT_S)


def _buckets(
    shape: PlanShape, turns: Sequence[Served], published_s: Mapping[str, float]
) -> list[Bucket]:
    seconds: dict[str, list[float]] = {label: [] for label in published_s}
    for prompt, served in zip(shape.prompts, turns, strict=True):
        if (label := bucket_label(prompt.tokens)) in seconds and served.failure is None:
            seconds[label].append(served.first_s)
    return [
        Bucket(label, published_s[label], median(found), len(found))
        for label, found in seconds.items()
        if found
    ]


def filled(ctx_tokens: int, tokens: int) -> int | None:
    """GPU memory left of the config on record with `tokens` of `ctx_tokens` filled, in bytes.

    ``None`` where it ran out before.
    """
    engine = one_3090()
    left = engine.free_bytes({**ON_RECORD, "ctx-size": ctx_tokens}, tokens)
    return left if left >= 0 else None
