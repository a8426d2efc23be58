"""What others published of these machines, and what the simulator says of the same.

Figures are their authors', on their own rigs; each has its source. Where a pace was fitted to a
figure the comparison shows the fit, and `held` says which figures no pace has seen.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.simulated.combinations import (
    ADA,
    AMPERE,
    AMPERE_HYBRID,
    BLACKWELL,
    M1_MAX,
    METAL,
    RTX_3090,
    RTX_4090,
    RTX_5090,
    SPARK,
    SPARK_GB10,
    TWO_3090,
    VLLM_AMPERE,
)
from autotune.simulated.llama_costs import LlamaCosts
from autotune.simulated.machine import Machine
from autotune.simulated.model_shapes import (
    GPT_OSS_120B,
    LLAMA_8B,
    QWEN_27B,
    QWEN_27B_INT4,
    QWEN_30B_A3B_Q8,
)
from autotune.simulated.models import Shape, SimulatedModel, simulated_model
from autotune.simulated.roofline import Pace, Roofline
from autotune.simulated.speculation import Draft
from autotune.simulated.vllm_costs import VllmCosts

Settings = Mapping[str, Setting]

CLUB = "club-3090, its pages on single cards, dual cards and benchmarks at 4a29ab57"
SPARK_BENCH = "llama.cpp, benches/dgx-spark.md, build 6918"
PR_MMA = "llama.cpp pull request 17505"
PR_MMQ = "llama.cpp pull request 7676"


@dataclass(frozen=True, slots=True)
class Published:
    """One figure: tokens a second.

    `held` figures chose no pace by themselves; others of their series did.
    """

    machine: str
    model: str
    what: str
    tokens_s: float
    predicted: Callable[[], float]
    source: str
    held: bool = False

    @property
    def error(self) -> float:
        """``predicted / published - 1``."""
        return self.predicted() / self.tokens_s - 1.0


@dataclass(frozen=True, slots=True)
class Rig:
    """A llama-server (or llama-bench, which computes the same) with a model."""

    machine: Machine
    shape: Shape
    pace: Pace

    @property
    def model(self) -> SimulatedModel:
        """The model of its shape."""
        return simulated_model(self.shape)

    def roofline(self, settings: Settings) -> Roofline:
        """Under llama-server's `settings`."""
        return LlamaCosts(self.machine, self.model, self.pace).roofline(settings)

    def prefill(self, tokens: int, depth: int = 0, **settings: Setting) -> Callable[[], float]:
        """Prompt tokens a second, of `tokens` behind `depth` others."""

        def rate() -> float:
            named = {name.replace("_", "-"): value for name, value in settings.items()}
            return tokens / self.roofline(named).prefill_s(tokens, depth)

        return rate

    def decode(self, depth: int = 0, drafts: int = 0, head: float = 0.0) -> Callable[[], float]:
        """Reply tokens a second at `depth`; with a drafting head of `drafts` tokens."""
        return lambda: _drafted(self.roofline({}), self.shape, self.machine, depth, drafts, head)


def _drafted(
    roofline: Roofline, shape: Shape, machine: Machine, depth: int, drafts: int, head: float
) -> float:
    if not drafts:
        return 1.0 / roofline.step_s(1, depth)
    accepted = Draft(1.0, drafts, head).accepted
    output = shape.weights_bytes * shape.n_vocab * shape.n_embd / shape.n_params
    rate = machine.bandwidth_bytes_s * roofline.pace.weights
    one = roofline.dense_read_s / shape.n_layers + output / rate
    return (1 + accepted) / (roofline.step_s(1 + drafts, depth) + drafts * one)


PROSE, CODE = 0.74, 0.90
"""Chance that a drafted token stands in prose and in code: with these the four published rates with
drafts (two cards, two engines) agree with each other."""


def published() -> list[Published]:
    """Every figure."""
    return [*_spark(), *_ada_and_ampere(), *_club(), *_others()]


def _spark() -> list[Published]:
    oss = Rig(SPARK_GB10, GPT_OSS_120B, SPARK)
    moe = Rig(SPARK_GB10, QWEN_30B_A3B_Q8, SPARK)
    prefill = {0: 1937.54, 4096: 1653.89, 8192: 1580.60, 16384: 1411.42, 32768: 1155.40}
    decode = {0: 59.02, 4096: 53.95, 8192: 51.85, 16384: 48.03, 32768: 41.35}
    prefill_moe = {0: 3175.62, 4096: 2704.06, 8192: 2381.88, 16384: 1900.91, 32768: 1292.19}
    decode_moe = {0: 60.92, 4096: 53.52, 8192: 48.58, 16384: 40.81, 32768: 30.80}
    rows = [(oss, "gpt-oss-120b", prefill, decode, False)]
    rows += [(moe, "Qwen3 Coder 30B A3B Q8_0", prefill_moe, decode_moe, True)]
    found = []
    for rig, model, prefills, decodes, held in rows:
        for depth, rate in prefills.items():
            # The series of both models gave the rule of `head_share`.
            of = rig.prefill(2048, depth, ubatch_size=2048)
            unseen = held and not depth
            found.append(_row("DGX Spark", model, f"pp2048@{depth}", rate, of, SPARK_BENCH, unseen))
        for depth, rate in decodes.items():
            of = rig.decode(depth)
            found.append(_row("DGX Spark", model, f"tg32@{depth}", rate, of, SPARK_BENCH, held))
    return found


def _ada_and_ampere() -> list[Published]:
    ada, ampere = Rig(RTX_4090, LLAMA_8B, ADA), Rig(RTX_3090, LLAMA_8B, AMPERE)
    series = {16: 1937.21, 32: 3427.61, 64: 5420.06, 128: 7443.66, 256: 9601.53, 512: 10358.75}
    deep = {64: 1495.43, 128: 1617.77, 256: 1697.92, 512: 1448.12}
    model = "llama 8B Q4_0"
    found = [
        _row("RTX 4090", model, f"pp512, batches of {size}", rate,
             ada.prefill(512, ubatch_size=size), PR_MMQ, size not in (64, 512))
        for size, rate in series.items()
    ]  # fmt: skip
    found += [
        _row("RTX 3090", model, f"pp512@32768, batches of {size}", rate,
             ampere.prefill(512, 32768, ubatch_size=size), PR_MMA, size not in (128, 256))
        for size, rate in deep.items()
    ]  # fmt: skip
    return [*found, _row("RTX 4090", model, "tg@32768", 102.76, ada.decode(32768), PR_MMA, False)]


def _club() -> list[Published]:
    one = Rig(RTX_3090, QWEN_27B, AMPERE_HYBRID)
    q4: dict[str, Setting] = {
        "cache_type_k": "q4_0",
        "cache_type_v": "q4_0",
        "batch_size": 4096,
        "ubatch_size": 512,
    }
    model = "Qwen3.6 27B Q4_K_M"
    return [
        _row("RTX 3090", model, "prefill to 10k", 1025, one.prefill(10_000, 0, **q4), CLUB),
        _row("RTX 3090", model, "prefill at 183k", 457, one.prefill(2048, 183_000, **q4), CLUB),
        _row("RTX 3090", model, "MTP n=2, prose", 50, one.decode(0, 2, PROSE), CLUB),
        _row("RTX 3090", model, "MTP n=2, code", 59, one.decode(0, 2, CODE), CLUB),
        _row("RTX 3090", model, "no drafts", 21, one.decode(), CLUB, True),
        *_two_cards(),
    ]


def _two_cards() -> list[Published]:
    costs = VllmCosts(TWO_3090, simulated_model(QWEN_27B_INT4), VLLM_AMPERE, fp8=False)
    fp8, int8 = _vllm(costs, "fp8_e5m2"), _vllm(costs, "int8_per_token_head")

    def decode(roofline: Roofline, depth: int, head: float) -> Callable[[], float]:
        return lambda: _drafted(roofline, QWEN_27B_INT4, TWO_3090, depth, 3, head)

    def against(depth: int) -> Callable[[], float]:
        return lambda: decode(int8, depth, CODE)() / decode(fp8, depth, CODE)()

    model, name = "Qwen3.6 27B int4", "two RTX 3090, vLLM"
    return [
        _row(name, model, "prefill to 10k", 1446, lambda: 1e4 / fp8.prefill_s(10_000, 0), CLUB),
        _row(name, model, "prefill to 90k", 1118, lambda: 9e4 / fp8.prefill_s(90_000, 0), CLUB),
        _row(name, model, "MTP n=3, prose", 69, decode(fp8, 0, PROSE), CLUB),
        _row(name, model, "MTP n=3, code", 89, decode(fp8, 0, CODE), CLUB),
        _row(name, model, "int8 KV against fp8, short (ratio)", 131 / 114, against(500), CLUB),
        _row(name, model, "int8 KV against fp8, 35k (ratio)", 51 / 115, against(35_000), CLUB),
    ]


def _vllm(costs: VllmCosts, kind: str) -> Roofline:
    return costs.roofline({"kv-cache-dtype": kind, "max-num-batched-tokens": 2048})


def _others() -> list[Published]:
    apple, big = Rig(M1_MAX, LLAMA_8B, METAL), Rig(RTX_5090, LLAMA_8B, BLACKWELL)
    model, bench = "llama 8B Q4_K_M", "normiebench, issue 40"
    continuum = "CambrianTech/continuum, pull request 1627 (Qwen3 8B)"
    return [
        _row("Apple M1 Max", model, "pp512", 499.58, apple.prefill(512), bench),
        _row("Apple M1 Max", model, "tg128", 46.2, apple.decode(64), bench),
        _row("RTX 5090", model, "generation", 221.7, big.decode(256), continuum),
    ]


def _row(
    machine: str, model: str, what: str, rate: float, predicted: Callable[[], float],
    source: str, held: bool = False,
) -> Published:  # fmt: skip
    return Published(machine, model, what, rate, predicted, source, held)
