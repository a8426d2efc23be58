"""vLLM, simulated: a pool of blocks, steps of so many tokens, and what a card runs out of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.models.cache_settings import whole
from autotune.models.estimate import GIB
from autotune.simulated.blocks import Blocks, BlockSettings, Found
from autotune.simulated.machine import Machine
from autotune.simulated.models import SimulatedModel
from autotune.simulated.prompts import PlanShape, Prompt
from autotune.simulated.roofline import Pace
from autotune.simulated.served import Run, Served, refused, unanswered, unready
from autotune.simulated.speculation import NONE, Draft, copies_of, heads, prompt_lookup
from autotune.simulated.vllm_costs import VllmCosts

Settings = Mapping[str, Setting]

_BLOCK_TOKENS, _CPU_BLOCK_TOKENS = 16, 128
_CPU_POOL_BYTES = 4 * GIB
_GRAPH_S = 0.06
"""To capture the graph of one size of batch; sizes double and then go on in eights."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Troubles:
    """What a combination of build, card and model is known to do.

    Attributes:
        useless_hits: blocks are found and reported, and the prompt is computed all the same
            (models with recurrent layers: club-3090, issue #102).
        spare_bytes: outside of the pool; what a session leaves behind grows into it.
        depth_bytes, turn_bytes: of `spare_bytes`, for each token of depth and for each turn.
    """

    useless_hits: bool = False
    spare_bytes: float = 0.0
    depth_bytes: float = 0.0
    turn_bytes: float = 0.0

    def over(self, depth: int, turns: int) -> float:
        """Bytes beyond what there is, with `turns` turns answered and one of `depth` under way."""
        return depth * self.depth_bytes + turns * self.turn_bytes - self.spare_bytes


NO_TROUBLES = Troubles()


@dataclass(frozen=True, slots=True)
class Vllm:
    """One build of vLLM with one model on one machine."""

    machine: Machine
    model: SimulatedModel
    pace: Pace
    fp8: bool
    troubles: Troubles = NO_TROUBLES
    name: str = "vllm"

    def run(self, settings: Settings, shape: PlanShape) -> Run:
        """What it makes of the prompts of `shape`, one after the other."""
        costs = VllmCosts(self.machine, self.model, self.pace, self.fp8)
        load_s = self._load_s(settings, costs)
        pool = self.pool_bytes(settings, costs)
        longest = whole(settings, "max-model-len", self.model.info.n_ctx_train)
        if pool <= 0:
            words = "no memory is left for the KV cache"
            return refused(FailureKind.OUT_OF_MEMORY, words, load_s * 0.6, settings)
        tokens = int(pool / costs.token_bytes(settings))
        if tokens < longest:
            words = f"the KV cache holds {tokens} tokens, a request may have {longest}"
            bound = {"max-model-len": tokens}
            failure = Failure(FailureKind.OUT_OF_MEMORY, words, bound=bound)
            return unready(failure, load_s * 0.7, settings)
        server = _Server(self, settings, shape, costs, tokens, longest)
        return Run(
            load_s=load_s,
            stop_s=3.0,
            warm_up_s=self.pace.request_s + 8 * server.roofline.step_s(1, 32),
            turns=tuple(server.served(prompt) for prompt in shape.prompts),
            slots=whole(settings, "max-num-seqs", 256),
            effective=settings,
        )

    def pool_bytes(self, settings: Settings, costs: VllmCosts) -> float:
        """What weights, activations and graphs leave of vLLM's share of the memory."""
        if not self.machine.gpu:
            return min(_CPU_POOL_BYTES, self.machine.memory_bytes * 0.5)
        share = settings.get("gpu-memory-utilization", 0.92)
        budget = self.machine.memory_bytes * float(share)
        taken = self._activation_bytes(settings) + self._graph_bytes(settings)
        return budget - costs.weights_bytes(settings) - taken - self.machine.driver_bytes

    def _activation_bytes(self, settings: Settings) -> float:
        """One step of the most tokens: two wide layers at once, and the logits of its sequences."""
        info = self.model.info
        tokens = whole(settings, "max-num-batched-tokens", 2048)
        if settings.get("enable-chunked-prefill", True) is False:
            tokens = max(tokens, whole(settings, "max-model-len", info.n_ctx_train))
        wide = 2 * (3 * (info.feed_forward or 0) + 8 * info.n_embd)
        logits = whole(settings, "max-num-seqs", 256) * (info.n_vocab or 0) * 8
        return float(tokens * wide + logits)

    def _graph_bytes(self, settings: Settings) -> float:
        sizes = _graphs(whole(settings, "max-num-seqs", 256))
        return self.machine.cards * (0.15 * GIB + sizes * 12e6)

    def _load_s(self, settings: Settings, costs: VllmCosts) -> float:
        """Weights, compilation (from its cache) and graphs."""
        graphs = _graphs(whole(settings, "max-num-seqs", 256)) if self.machine.gpu else 0
        quicker = 1.3 if settings.get("performance-mode") == "interactivity" else 1.0
        read = costs.weights_bytes(settings) / self.machine.disk_bytes_s
        return self.pace.start_s + read + graphs * _GRAPH_S * quicker


def _graphs(sequences: int) -> int:
    """Sizes of batches that get a graph of their own: 1, 2, 4, then every eight."""
    return 3 + min(sequences, 512) // 8


class _Server:
    """A server that is ready: its blocks, and what it left behind so far."""

    def __init__(
        self,
        engine: Vllm,
        settings: Settings,
        shape: PlanShape,
        costs: VllmCosts,
        pool_tokens: int,
        longest: int,
    ) -> None:
        self.engine, self.settings, self.costs = engine, settings, costs
        self.roofline = costs.roofline(settings)
        self.token_bytes = costs.token_bytes(settings)
        self.longest, self.turns = longest, 0
        self.broken: Failure | None = None
        self.blocks = Blocks(shape, self._block_settings(pool_tokens))

    def served(self, prompt: Prompt) -> Served:
        """Answer `prompt`; once it has failed, it fails for good."""
        if self.broken is not None:
            return unanswered(self.broken, 0.0)
        if prompt.whole_tokens > self.longest:
            words = f"{prompt.whole_tokens} tokens exceed max-model-len {self.longest}"
            return unanswered(Failure(FailureKind.CONTEXT_OVERFLOW, words), 0.05)
        found = self.blocks.take(prompt)
        answer = self._answer(prompt, found)
        self.turns += 1
        over = self.engine.troubles.over(prompt.whole_tokens, self.turns)
        if over > 0:
            words = f"{over / GIB:.1f} GiB too little beside the pool, after {self.turns} turns"
            self.broken = Failure(FailureKind.OUT_OF_MEMORY, words)
            return unanswered(self.broken, answer.first_s)
        return answer

    def _answer(self, prompt: Prompt, found: Found) -> Served:
        spared = 0 if self.engine.troubles.useless_hits else found.cached
        moved_s = found.loaded * self.token_bytes / self.engine.machine.link_bytes_s
        first = self.roofline.request_s(prompt.tokens) + moved_s
        first += self.roofline.prefill_s(prompt.tokens - spared, spared)
        spec = self._draft(prompt)
        left = prompt.reply_tokens - 1
        steps = left / spec.per_step
        drafted = round(steps * spec.drafts * spec.tokens) if spec.tokens else None
        return Served(
            cached=found.cached, computed=prompt.tokens - found.cached, first_s=first,
            decode_s=steps * self._step_s(prompt, spec), steps=steps, drafted=drafted,
            accepted=None if drafted is None else max(0, round(left - steps)), moved_s=moved_s,
            device_bytes=self._device_bytes(),
        )  # fmt: skip

    def _step_s(self, prompt: Prompt, spec: Draft) -> float:
        depth = prompt.tokens + prompt.reply_tokens / 2
        plain = self.roofline.step_s(1, depth)
        if not spec.tokens:
            return plain
        checked = self.roofline.step_s(1 + spec.tokens, depth) + spec.passes * self._head_s()
        return (1 - spec.drafts) * plain + spec.drafts * checked

    def _head_s(self) -> float:
        """One pass of a drafting head: a layer, and the output of all words in two bytes."""
        info = self.engine.model.info
        rate = self.engine.machine.bandwidth_bytes_s * self.engine.pace.weights
        output = 2.0 * (info.n_vocab or 0) * info.n_embd
        return self.roofline.dense_read_s / max(1, info.n_layers) + output / 2 / rate

    def _draft(self, prompt: Prompt) -> Draft:
        settings, acceptance = self.settings, self.engine.model.acceptance
        method = str(settings.get("speculative-config.method", "none"))
        tokens = whole(settings, "speculative-config.num_speculative_tokens", 4)
        turn = f"{prompt.planned.turn.session_id}/{prompt.planned.turn.index}"
        if method in {"mtp", "eagle", "eagle3"}:
            return heads(tokens, acceptance, copies_of(turn))
        if method != "ngram":
            return NONE
        longest = whole(settings, "speculative-config.prompt_lookup_max", 5)
        shortest = whole(settings, "speculative-config.prompt_lookup_min", longest)
        return prompt_lookup(longest, shortest, tokens, acceptance, turn)

    def _block_settings(self, pool_tokens: int) -> BlockSettings:
        usual = _BLOCK_TOKENS if self.engine.machine.gpu else _CPU_BLOCK_TOKENS
        asked = self.settings.get("block-size", "auto")
        host = whole(self.settings, "kv-offloading-size", 0) * GIB
        return BlockSettings(
            block=asked if isinstance(asked, int) else usual,
            pool_tokens=pool_tokens,
            host_tokens=int(host / self.token_bytes),
            enabled=bool(self.settings.get("enable-prefix-caching", True)),
        )

    def _device_bytes(self) -> int | None:
        """vLLM takes its share at the start; what it leaves behind comes on top."""
        machine, troubles = self.engine.machine, self.engine.troubles
        if not machine.gpu:
            return None
        share = float(self.settings.get("gpu-memory-utilization", 0.92))
        return int(machine.memory_bytes * share + self.turns * troubles.turn_bytes)
