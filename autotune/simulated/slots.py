"""llama-server's slots over a plan's prompts: what is reused, and what moving it costs.

As in `autotune.scoring.reuse_slots` (after build b11434 of the server): the slot that shares the
most with a prompt, if that is more than ``slot-prompt-similarity`` of it, else the one used longest
ago; what a slot would lose goes to host memory first (``cache-ram``) and better prompts come back.
Models that cannot roll back go on from the slot's end or from a checkpoint.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.simulated.prompts import PlanShape, Prompt

SAVED_BELOW = 0.5
WORTH_LOADING = 0.25


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotSettings:
    """What decides who keeps what.

    Attributes:
        slots, unified: as llama-server's ``parallel`` and ``kv-unified``.
        pool_tokens: cells of all slots together; `slot_tokens` of one.
        host_bytes: of prompts in host memory; 0 is none, ``None`` no limit.
        saves_idle: idle slots are saved, and in one pool cleared, when another task begins.
        similarity: ``slot-prompt-similarity``.
        rolls_back: whether a prompt can be cut anywhere.
        checkpoints, checkpoint_step: how many are kept for each slot, and how far apart.
        token_bytes, state_bytes: of a saved prompt: for each token, and once.
        chunk: smallest run of tokens that is reused shifted (``cache-reuse``); 0 is none.
    """

    slots: int
    unified: bool
    pool_tokens: int
    slot_tokens: int
    host_bytes: int | None
    saves_idle: bool
    similarity: float
    rolls_back: bool
    checkpoints: int
    checkpoint_step: int
    token_bytes: float
    state_bytes: float
    chunk: int = 0


@dataclass(frozen=True, slots=True)
class Taken:
    """One prompt served: tokens reused, bytes moved, what host memory holds then."""

    cached: int
    moved_bytes: float
    host_bytes: float
    checkpoint_bytes: float


@dataclass(slots=True)
class _Held:
    """A prompt with its reply, and the places to go back to."""

    index: int
    tokens: int
    checkpoints: tuple[int, ...] = ()


@dataclass(slots=True)
class _Slot:
    held: _Held | None = None
    used: int = -1


@dataclass(slots=True)
class Slots:
    """The slots of one server; `take` in the order in which prompts arrive."""

    shape: PlanShape
    settings: SlotSettings
    _slots: list[_Slot] = field(init=False)
    _host: list[_Held] = field(default_factory=list)
    _moved: float = 0.0
    _now: int = 0

    def __post_init__(self) -> None:
        self._slots = [_Slot() for _ in range(max(1, self.settings.slots))]

    def take(self, prompt: Prompt) -> Taken:
        """Serve `prompt`; it is then held with its reply."""
        self._moved = 0.0
        slot = self._chosen(prompt)
        held = self._shared(slot.held, prompt)
        lost = slot.held is not None and held < SAVED_BELOW * slot.held.tokens
        by_age = held <= self.settings.similarity * prompt.tokens
        if self.settings.host_bytes != 0 and slot.held is not None and (lost or by_age):
            self._exchange(slot, prompt, held)
        elif slot.held is None and self.settings.host_bytes != 0:
            self._load(slot, prompt, 0)
        cached, checkpoints = self._reusable(slot.held, prompt)
        self._now += 1
        slot.held = _Held(prompt.index, prompt.whole_tokens, self._noted(checkpoints, prompt))
        slot.used = self._now
        self._others(slot)
        return Taken(cached, self._moved, self._host_bytes(), self._checkpoint_bytes())

    def _shared(self, held: _Held | None, prompt: Prompt) -> int:
        return 0 if held is None else self.shape.shared(held.index, prompt.index)

    def _chosen(self, prompt: Prompt) -> _Slot:
        best = max(self._slots, key=lambda slot: self._shared(slot.held, prompt))
        if self._shared(best.held, prompt) > self.settings.similarity * prompt.tokens:
            return best
        return min(self._slots, key=lambda slot: slot.used)

    def _reusable(self, held: _Held | None, prompt: Prompt) -> tuple[int, tuple[int, ...]]:
        """Tokens that need no work, and the checkpoints that stay. The last one always needs it."""
        same = min(self._shared(held, prompt), prompt.tokens - 1)
        if held is None or same <= 0:
            return 0, ()
        if self.settings.rolls_back:
            return max(same, self._chunks(held, prompt, same)), ()
        if same >= held.tokens:
            return same, held.checkpoints
        kept = tuple(at for at in held.checkpoints if at <= same)
        return (max(kept), kept) if kept else (0, ())

    def _chunks(self, held: _Held, prompt: Prompt, same: int) -> int:
        """With shifting, what follows an edit is reused too, but for pieces that are too short."""
        if not self.settings.chunk or prompt.follows != held.index:
            return same
        before = self.shape.prompts[held.index]
        known = set(before.keys)
        starts = (0, *prompt.ends[:-1])
        sizes = (end - start for start, end in zip(starts, prompt.ends, strict=True))
        moved = sum(
            size
            for key, size, start in zip(prompt.keys, sizes, starts, strict=True)
            if start >= same and key in known and size >= self.settings.chunk
        )
        return min(same + moved, prompt.tokens - 1)

    def _noted(self, before: tuple[int, ...], prompt: Prompt) -> tuple[int, ...]:
        """Checkpoints after `prompt`: before its last message and at its end; the oldest go."""
        if self.settings.rolls_back or not self.settings.checkpoints:
            return ()
        noted = list(before)
        step = self.settings.checkpoint_step
        if prompt.last_message_start - (noted[-1] if noted else 0) >= step:
            noted.append(prompt.last_message_start)
        noted.append(max(0, prompt.tokens - 4))
        return tuple(noted[-self.settings.checkpoints :])

    def _exchange(self, slot: _Slot, prompt: Prompt, held: int) -> None:
        """Save what the slot holds, and load what fits the prompt better."""
        assert slot.held is not None
        self._save(slot.held)
        self._load(slot, prompt, held)

    def _load(self, slot: _Slot, prompt: Prompt, held: int) -> None:
        best: _Held | None = None
        kept = held / slot.held.tokens if slot.held is not None and slot.held.tokens else -1.0
        for saved in self._host:
            fits = self._shared(saved, prompt)
            keeps = fits / max(1, saved.tokens)
            if keeps >= WORTH_LOADING and fits > held and keeps > kept:
                best, held, kept = saved, fits, keeps
        if best is not None:
            self._host.remove(best)
            self._moved += self._bytes(best)
            slot.held = best

    def _save(self, held: _Held) -> None:
        """A prompt in host memory replaces those that it continues; the oldest go for room."""
        prompts = self.shape.prompts
        mine = prompts[held.index]
        kept = []
        for other in self._host:
            if other.index == held.index:
                return
            if self.shape.shared(other.index, mine.index) < other.tokens:
                kept.append(other)
        self._host = [*kept, held]
        self._moved += self._bytes(held)
        room = self.settings.host_bytes
        while room is not None and self._host and self._host_bytes() > room:
            self._host.pop(0)

    def _others(self, taken: _Slot) -> None:
        """Idle slots at a new request: saved and cleared, or cleared where the pool is too full."""
        idle = [slot for slot in self._slots if slot is not taken and slot.held is not None]
        if self.settings.host_bytes != 0 and self.settings.saves_idle:
            for slot in idle:
                assert slot.held is not None
                self._save(slot.held)
                slot.held = None if self.settings.unified else slot.held
        elif self.settings.unified:
            for slot in sorted(idle, key=lambda one: one.used):
                if self._filled() <= self.settings.pool_tokens:
                    return
                slot.held = None

    def _filled(self) -> int:
        return sum(slot.held.tokens for slot in self._slots if slot.held is not None)

    def _bytes(self, held: _Held) -> float:
        states = 1 + len(held.checkpoints)
        return held.tokens * self.settings.token_bytes + states * self.settings.state_bytes

    def _host_bytes(self) -> float:
        return sum(self._bytes(held) for held in self._host)

    def _checkpoint_bytes(self) -> float:
        kept = sum(len(slot.held.checkpoints) for slot in self._slots if slot.held is not None)
        return kept * self.settings.state_bytes
