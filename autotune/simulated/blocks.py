"""vLLM's prefix cache over a plan's prompts: whole blocks, the ones used longest ago go first.

Blocks are shared between sessions that begin alike. What a session holds is dropped from its end:
vLLM frees a request's blocks last to first (``v1/core/kv_cache_manager.py``, 0.32).
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field

from autotune.simulated.prompts import PlanShape, Prompt


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockSettings:
    """Sizes in tokens. `host_tokens` is the second tier; 0 is none."""

    block: int
    pool_tokens: int
    host_tokens: int = 0
    enabled: bool = True


@dataclass(frozen=True, slots=True)
class Found:
    """Tokens of a prompt that were there, and those of them that came back from host memory."""

    cached: int
    loaded: int


@dataclass(slots=True)
class Blocks:
    """One server's blocks. Each prompt is an entry; what two share is counted for both."""

    shape: PlanShape
    settings: BlockSettings
    _held: OrderedDict[int, int] = field(default_factory=OrderedDict)
    _host: OrderedDict[int, int] = field(default_factory=OrderedDict)

    def take(self, prompt: Prompt) -> Found:
        """Serve `prompt`; its blocks and those of its reply are then held."""
        if not self.settings.enabled:
            return Found(0, 0)
        near = self._best(self._held, prompt)
        far = self._best(self._host, prompt)
        cached = max(near, far)
        for index in [i for i in self._held if self._covered(i, prompt)]:
            del self._held[index]
        self._held[prompt.index] = self._whole(prompt.whole_tokens)
        self._make_room()
        return Found(cached, max(0, cached - near))

    def _best(self, entries: OrderedDict[int, int], prompt: Prompt) -> int:
        """Whole blocks of the longest shared start that is still there; one token is never."""
        most, best = 0, -1
        for index, kept in entries.items():
            same = min(self.shape.shared(index, prompt.index), kept, prompt.tokens - 1)
            if same > most:
                most, best = same, index
        if best >= 0:
            entries.move_to_end(best)
        return self._whole(most)

    def _covered(self, index: int, prompt: Prompt) -> bool:
        """Whether `prompt` continues an earlier one, whose blocks are then its own."""
        earlier = self.shape.prompts[index]
        return self.shape.shared(index, prompt.index) >= earlier.tokens

    def _whole(self, tokens: int) -> int:
        return tokens // self.settings.block * self.settings.block

    def _make_room(self) -> None:
        """Drop the ends of what was used longest ago; with a second tier they go there."""
        over = sum(self._held.values()) - self.settings.pool_tokens
        while over > 0 and self._held:
            index, kept = next(iter(self._held.items()))
            if self.settings.host_tokens:
                self._host[index] = max(kept, self._host.get(index, 0))
                self._host.move_to_end(index)
            left = self._whole(max(0, kept - over))
            over -= kept - left
            if left:
                self._held[index] = left
            else:
                del self._held[index]
        while sum(self._host.values()) > self.settings.host_tokens:
            self._host.popitem(last=False)
