"""llama-server, simulated: settings and prompts in, seconds and memory out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.launchers.failure import Failure, FailureKind
from autotune.models import llama_memory
from autotune.models.cache_settings import CacheSettings, cache_settings, whole
from autotune.models.estimate import GIB, MIB, MemoryEstimate
from autotune.models.kv_memory import cell_bytes, cells, is_fused, recurrent_layer_bytes
from autotune.simulated.llama_costs import LlamaCosts, decode_roofline
from autotune.simulated.machine import Machine
from autotune.simulated.models import SimulatedModel
from autotune.simulated.prompts import PlanShape, Prompt
from autotune.simulated.roofline import Pace, Roofline
from autotune.simulated.served import Run, Served, refused, unanswered
from autotune.simulated.slots import Slots, SlotSettings, Taken
from autotune.simulated.speculation import Draft, draft

Settings = Mapping[str, Setting]

_POLLING_S = {0: 30e-6, 100: 4e-6}
_POLLING_USUAL_S = 10e-6
"""Of each layer in every step, by ``poll``: how long a thread takes to notice its work."""

_DEFAULT_SIMILARITY = 0.1
_HOST_SHARE = 0.95


@dataclass(frozen=True, slots=True)
class LlamaServer:
    """One build of llama-server with one model on one machine.

    `beside_bytes` are of the GPU's memory, what this model's kernels take beside what is worked
    out.
    """

    machine: Machine
    model: SimulatedModel
    pace: Pace
    beside_bytes: int = 0
    name: str = "llama-server"

    def run(self, settings: Settings, shape: PlanShape) -> Run:
        """What it makes of the prompts of `shape`, one after the other."""
        try:
            cache = cache_settings(self.model.info, settings)
            need = llama_memory.estimate(self.model.info, settings, gpu=self.machine.gpu)
        except UserError as error:
            return refused(FailureKind.BAD_FLAG, error.message, 0.3, settings)
        if settings.get("flash-attn") == "off" and cache.value_type.block_elements > 1:
            words = "quantized V cache requires flash_attn to be enabled"
            return refused(FailureKind.BAD_FLAG, words, 0.3, settings)
        load_s = self._load_s(settings, need)
        memory = self._memory(settings, cache, need)
        if short := memory.short(0, 0.0):
            return refused(FailureKind.OUT_OF_MEMORY, short, load_s * 0.8, settings)
        costs = LlamaCosts(self.machine, self.model, self.pace)
        server = _Server(self, settings, shape, cache, memory, costs)
        turns = tuple(server.served(prompt) for prompt in shape.prompts)
        return Run(
            load_s=load_s,
            stop_s=0.4,
            warm_up_s=self.pace.request_s + 8 * server.decode.step_s(1, 32),
            turns=turns,
            slots=cache.slots,
            effective=settings,
        )

    def free_bytes(self, settings: Settings, filled: int) -> int:
        """GPU memory that is left with `filled` tokens in one slot; below 0 it ran out.

        Raises `UserError` for settings that llama-server would refuse.
        """
        cache = cache_settings(self.model.info, settings)
        need = llama_memory.estimate(self.model.info, settings, gpu=self.machine.gpu)
        memory = self._memory(settings, cache, need)
        return self.machine.memory_bytes - memory.device_bytes(filled)

    def _memory(self, settings: Settings, cache: CacheSettings, need: MemoryEstimate) -> _Memory:
        beside = self.beside_bytes + _draft_context_bytes(self.model, settings, cache)
        return _Memory(self.machine, self.model, cache, need, beside)

    def _load_s(self, settings: Settings, need: MemoryEstimate) -> float:
        """Weights from disk (from the page cache, mostly), caches cleared, graphs reserved."""
        read = need.weights_bytes / self.machine.disk_bytes_s
        packed = not self.machine.gpu and settings.get("repack", True)
        packing = need.weights_bytes / 2.5e9 if packed else 0.0
        return self.pace.start_s + read + packing + need.kv_bytes / 40e9


@dataclass(frozen=True, slots=True)
class _Memory:
    """What one server takes as its context fills.

    Flash attention turns a quantized cache of one layer into f16 as far as it is filled, so a
    config that starts may run out of memory at depth (``ggml-cuda/fattn``: temporary copies).
    """

    machine: Machine
    model: SimulatedModel
    cache: CacheSettings
    need: MemoryEstimate
    beside_bytes: int = 0

    def device_bytes(self, filled: int) -> int:
        """On the GPU when the deepest slot holds `filled` tokens."""
        if not self.need.device_bytes:
            return 0
        fixed = self.need.device_bytes + self.machine.driver_bytes + self.beside_bytes
        return fixed + self._scratch(filled)

    def host_bytes(self, kept: float) -> int:
        """On the host, with `kept` bytes of prompts and checkpoints."""
        fixed = self.need.host_bytes - self.need.prompt_cache_bytes - self.need.checkpoint_bytes
        scratch = 0 if self.need.device_bytes else self.need.work_bytes
        return int(fixed + scratch + kept)

    def short(self, filled: int, kept: float) -> str | None:
        """Why there is not enough memory, in words."""
        device, host = self.device_bytes(filled), self.host_bytes(kept)
        machine = self.machine
        if machine.unified or not machine.gpu:
            return _over("shared" if machine.gpu else "host", device + host,
                         int(machine.memory_bytes * _HOST_SHARE), filled)  # fmt: skip
        return _over("GPU", device, machine.memory_bytes, filled) or _over(
            "host", host, int(machine.host_bytes * _HOST_SHARE), filled
        )

    def _scratch(self, filled: int) -> int:
        info, cache = self.model.info, self.cache
        if not info.attention_layers or not is_fused(info, cache):
            return 0
        heads = max(info.kv_heads[i] for i in info.attention_layers)
        values = info.key_length * (cache.key_type.block_elements > 1)
        values += info.value_length * (cache.value_type.block_elements > 1)
        return min(filled, cells(cache)) * heads * values * 2


def _draft_context_bytes(model: SimulatedModel, settings: Settings, cache: CacheSettings) -> int:
    """A drafting head has a context of its own: its layer's cache, in f16, as long as the model's.

    ``--spec-type draft-mtp`` builds it whatever ``--spec-draft-n-max`` says.
    """
    info = model.info
    if "draft-mtp" not in str(settings.get("spec-type", "")).split(",") or not info.n_draft_layers:
        return 0
    heads = max(info.kv_heads)
    values = cells(cache) * cache.streams * heads * (info.key_length + info.value_length)
    return 2 * values * info.n_draft_layers


def _over(where: str, asked: int, there: int, filled: int) -> str | None:
    if asked <= there:
        return None
    when = f" with {filled} tokens filled" if filled else ""
    return f"{asked / GIB:.1f} GiB of {where} memory{when}, {there / GIB:.1f} are there"


class _Server:
    """A server that is ready: its slots, and what it took so far."""

    def __init__(
        self,
        engine: LlamaServer,
        settings: Settings,
        shape: PlanShape,
        cache: CacheSettings,
        memory: _Memory,
        costs: LlamaCosts,
    ) -> None:
        self.engine, self.settings, self.memory = engine, settings, memory
        self.prefill: Roofline = costs.roofline(settings)
        self.decode: Roofline = decode_roofline(costs, settings)
        self.slots = Slots(shape, _slot_settings(engine.model, settings, cache))
        self.waits_s = self._waits_s()
        self.deepest = 0
        self.broken: Failure | None = None

    def served(self, prompt: Prompt) -> Served:
        """Answer `prompt`; once it has failed, it fails for good."""
        if self.broken is not None:
            return unanswered(self.broken, 0.0)
        if prompt.whole_tokens > self.slots.settings.slot_tokens:
            words = f"{prompt.whole_tokens} tokens exceed the slot's context"
            return unanswered(Failure(FailureKind.CONTEXT_OVERFLOW, words), 0.05)
        taken = self.slots.take(prompt)
        self.deepest = max(self.deepest, prompt.whole_tokens)
        kept = taken.host_bytes + taken.checkpoint_bytes
        found = self._answer(prompt, taken, kept)
        if short := self.memory.short(self.deepest, kept):
            self.broken = Failure(FailureKind.OUT_OF_MEMORY, short)
            return unanswered(self.broken, found.first_s)
        return found

    def _answer(self, prompt: Prompt, taken: Taken, kept: float) -> Served:
        new = prompt.tokens - taken.cached
        moved_s = taken.moved_bytes / self.engine.pace.copy_bytes_s
        saved = self._checkpoint_s(taken)
        first = self.decode.request_s(prompt.tokens) + moved_s + saved
        first += self.prefill.prefill_s(new, taken.cached)
        first += self.waits_s * -(-new // self.prefill.ubatch)
        spec = draft(self.settings, self.engine.model.acceptance, _name(prompt))
        steps, decode_s = self._decode(prompt, spec)
        drafted = round(steps * spec.drafts * spec.tokens) if spec.tokens else None
        return Served(
            cached=taken.cached, computed=new, first_s=first, decode_s=decode_s, steps=steps,
            drafted=drafted, accepted=_accepted(prompt, steps, drafted), moved_s=moved_s,
            device_bytes=self.memory.device_bytes(self.deepest) or None,
            host_bytes=self.memory.host_bytes(kept),
        )  # fmt: skip

    def _decode(self, prompt: Prompt, spec: Draft) -> tuple[float, float]:
        """Steps and seconds of the reply behind its first token."""
        left = prompt.reply_tokens - 1
        depth = prompt.tokens + prompt.reply_tokens / 2
        plain = self.decode.step_s(1, depth) + self.waits_s
        if not spec.tokens:
            return left, left * plain
        checked = self.decode.step_s(1 + spec.tokens, depth) + self.waits_s
        checked += spec.passes * self._head_s()
        each = (1 - spec.drafts) * plain + spec.drafts * checked
        steps = left / spec.per_step
        return steps, steps * each

    def _head_s(self) -> float:
        """One pass of a drafting head: a layer, and the output of all words."""
        info = self.engine.model.info
        layers = 1 / max(1, info.n_layers)
        return self.decode.dense_read_s * layers + (info.input_bytes or 0) / (
            self.engine.machine.bandwidth_bytes_s * self.engine.pace.weights
        )

    def _checkpoint_s(self, taken: Taken) -> float:
        """Two states a turn are copied to the host, where the model needs them."""
        made = 0 if self.slots.settings.rolls_back or not taken.checkpoint_bytes else 2
        return made * self.slots.settings.state_bytes / self.engine.pace.copy_bytes_s

    def _waits_s(self) -> float:
        """Threads that wait at every layer, by ``poll``; on a GPU there is one that matters."""
        if self.engine.machine.gpu:
            return 0.0
        each = _POLLING_S.get(whole(self.settings, "poll", 50), _POLLING_USUAL_S)
        crowded = whole(self.settings, "threads", 0) > self.engine.machine.cores
        if crowded and whole(self.settings, "poll", 50) == 100:
            each *= 6  # those that spin take the place of those that work
        return each * 8 * self.engine.model.info.n_layers


def _name(prompt: Prompt) -> str:
    return f"{prompt.planned.turn.session_id}/{prompt.planned.turn.index}"


def _accepted(prompt: Prompt, steps: float, drafted: int | None) -> int | None:
    return None if drafted is None else max(0, round(prompt.reply_tokens - 1 - steps))


def _slot_settings(model: SimulatedModel, settings: Settings, cache: CacheSettings) -> SlotSettings:
    info = model.info
    ram_mib = whole(settings, "cache-ram", 8192)
    windows = set(info.window_layers)
    full = sum(cell_bytes(info, cache, i) for i in info.attention_layers if i not in windows)
    near = sum(cell_bytes(info, cache, i) for i in windows)
    state = recurrent_layer_bytes(info, cache) // max(1, cache.slots) * len(info.recurrent_layers)
    similarity = settings.get("slot-prompt-similarity", _DEFAULT_SIMILARITY)
    return SlotSettings(
        slots=cache.slots,
        unified=cache.unified,
        pool_tokens=cells(cache) * cache.streams,
        slot_tokens=cells(cache),
        host_bytes=None if ram_mib < 0 else ram_mib * MIB,
        saves_idle=bool(settings.get("cache-idle-slots", True)),
        similarity=float(similarity),
        rolls_back=info.can_roll_back or (cache.swa_full and not info.recurrent_layers),
        checkpoints=cache.checkpoints,
        checkpoint_step=whole(settings, "checkpoint-min-step", 8192),
        token_bytes=float(full),
        state_bytes=float(near) * (info.sliding_window or 0) + state,
        chunk=whole(settings, "cache-reuse", 0) if info.can_roll_back else 0,
    )
