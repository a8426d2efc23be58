"""What a pool of blocks holds: prompts share blocks, and the blocks used longest ago make room.

As in vLLM: a prompt's blocks are found again by the hash of everything up to them, whole blocks
only, and never the block of the last token, which has to be computed for its logits.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.scoring.reuse_model import CacheShape, Cause, Displaced, EngineNote
from autotune.scoring.reuse_slots import Held
from autotune.scoring.reuse_tokens import Tokens, shared


@dataclass(slots=True)
class BlockCache:
    """The blocks of one server; `take` in the order in which requests were sent."""

    shape: CacheShape
    displaced: Displaced = field(default_factory=Displaced)
    _held: list[Held] = field(default_factory=list)

    def take(
        self, key: tuple[str, int], prompt: Tokens, reply: Tokens, note: EngineNote | None
    ) -> int:
        """Serve a prompt: how much of it was in the pool, not yet cut to whole blocks."""
        held = max((shared(other.tokens, prompt) for other in self._held), default=0)
        whole = prompt + reply
        contained = [o for o in self._held if shared(o.tokens, whole) == len(o.tokens)]
        for other in contained:
            self._held.remove(other)
        self._held.append(Held(key, whole))
        self._make_room(key[0])
        return held

    def _make_room(self, by: str) -> None:
        """Drop what was used longest ago until the rest, shared parts once, fits the pool."""
        room = self.shape.pool_tokens
        while room is not None and len(self._held) > 1 and self._size() > room:
            self.displaced.mark(self._held.pop(0).key, Cause.OVER_CAPACITY, by)

    def _size(self) -> int:
        total = 0
        for at, held in enumerate(self._held):
            same = max((shared(o.tokens, held.tokens) for o in self._held[:at]), default=0)
            total += len(held.tokens) - same
        return total
