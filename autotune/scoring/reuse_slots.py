"""What slots hold: llama-server's choice of a slot, and its cache of prompts in host memory.

After ``tools/server/server-context.cpp`` (`get_available_slot`) and ``server-task.cpp``
(`server_prompt_cache`) of build b11434: the slot that shares the largest part of the prompt, if
that is more than ``--slot-prompt-similarity``, else the one used longest ago. A slot that would
lose more than half of what it holds, or that was taken by age, goes to host memory first, and what
is there that fits better comes back, unless three quarters of it would be thrown away.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.scoring.reuse_model import CacheShape, Cause, Displaced, EngineNote
from autotune.scoring.reuse_tokens import Tokens, shared

SAVED_BELOW = 0.5
"""A slot that keeps less than this share of what it holds is saved first."""

WORTH_LOADING = 0.25
"""A saved prompt of which less than this share fits is left where it is."""


@dataclass(frozen=True, slots=True)
class Held:
    """One prompt with its reply, in a slot or in host memory."""

    key: tuple[str, int]
    tokens: Tokens


@dataclass(slots=True)
class _Slot:
    held: Held | None = None
    used: int = -1

    def shares(self, prompt: Tokens) -> int:
        return 0 if self.held is None else shared(self.held.tokens, prompt)


@dataclass(slots=True)
class SlotCache:
    """The slots of one server; `take` in the order in which requests were sent."""

    shape: CacheShape
    displaced: Displaced = field(default_factory=Displaced)
    _slots: list[_Slot] = field(init=False)
    _host: list[Held] = field(default_factory=list)
    _now: int = 0

    def __post_init__(self) -> None:
        self._slots = [_Slot() for _ in range(max(1, self.shape.slots or 1))]

    def take(
        self, key: tuple[str, int], prompt: Tokens, reply: Tokens, note: EngineNote | None
    ) -> int:
        """Serve a prompt: how much of it was held when its work began; its reply is then held too.

        What the engine's own `note` says of the slot is taken for true.
        """
        slot = self._chosen(prompt, note)
        held = slot.shares(prompt)
        kept = held / len(slot.held.tokens) if slot.held is not None else 1.0
        by_age = held <= self.shape.similarity * len(prompt)
        if self.shape.host_cache and (by_age or kept < SAVED_BELOW):
            held = self._exchanged(slot, prompt, held, key[0])
        elif slot.held is not None and held < len(slot.held.tokens):
            alike = not by_age and len(self._slots) > 1 and slot.held.key[0] != key[0]
            cause = Cause.BEGINS_ALIKE if alike else Cause.EVICTED
            self.displaced.mark(slot.held.key, cause, key[0])
        self._now += 1
        slot.held, slot.used = Held(key, prompt + reply), self._now
        self.displaced.kept(key)
        self._others(slot, key[0])
        return held

    def _chosen(self, prompt: Tokens, note: EngineNote | None) -> _Slot:
        if note is not None and note.slot is not None and note.slot < len(self._slots):
            return self._slots[note.slot]
        best = max(self._slots, key=lambda slot: slot.shares(prompt))
        if best.shares(prompt) > self.shape.similarity * len(prompt):
            return best
        return min(self._slots, key=lambda slot: slot.used)

    def _exchanged(self, slot: _Slot, prompt: Tokens, held: int, by: str) -> int:
        """Save what the slot holds, and load what fits the prompt better."""
        mine = slot.held
        if mine is not None:
            self._save(mine, by)
        kept = held / len(mine.tokens) if mine is not None and len(mine.tokens) else -1.0
        best: Held | None = None
        for saved in self._host:
            fits = shared(saved.tokens, prompt)
            keeps = fits / max(1, len(saved.tokens))
            if keeps >= WORTH_LOADING and fits > held and keeps > kept:
                best, held, kept = saved, fits, keeps
        if best is not None:
            self._host.remove(best)
        return held

    def _save(self, held: Held, by: str) -> None:
        if any(shared(other.tokens, held.tokens) == len(held.tokens) for other in self._host):
            return
        self._host = [o for o in self._host if shared(o.tokens, held.tokens) < len(o.tokens)]
        self._host.append(held)
        self.displaced.kept(held.key)
        room = self.shape.host_tokens
        while room is not None and self._host and sum(len(o.tokens) for o in self._host) > room:
            self.displaced.mark(self._host.pop(0).key, Cause.OVER_CAPACITY, by)

    def _others(self, taken: _Slot, by: str) -> None:
        """Idle slots at a new request: saved, and with one pool for all cleared."""
        idle = [slot for slot in self._slots if slot is not taken and slot.held is not None]
        if self.shape.host_cache and self.shape.saves_idle:
            for slot in idle:
                assert slot.held is not None
                self._save(slot.held, by)
                if self.shape.unified:
                    slot.held = None
        elif self.shape.unified and self.shape.pool_tokens is not None:
            self._purge(idle, taken, by)

    def _purge(self, idle: list[_Slot], taken: _Slot, by: str) -> None:
        """One pool that is too small for all: idle slots are cleared one by one."""
        room = self.shape.pool_tokens or 0
        for slot in idle:
            if sum(len(s.held.tokens) for s in self._slots if s.held is not None) <= room:
                return
            assert slot.held is not None
            self.displaced.mark(slot.held.key, Cause.OVER_CAPACITY, by)
            slot.held = None
