"""One request of a log, as its reader found it, before it has a place in a conversation."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Message, PromptFidelity, Recorded

NOTHING_RECORDED = Recorded()


@dataclass(frozen=True, slots=True)
class Conversation:
    """What a log says of the conversation that a request belongs to.

    A `whole` one is exactly these requests in this order: they are not divided. A `certain` one may
    hold side-calls and sub-agents too, each with prompts of its own. Any other (an end user, a
    cache key) may span several.
    """

    name: str
    certain: bool = False
    whole: bool = False


@dataclass(frozen=True, slots=True)
class LoggedRequest:
    """A request with its whole prompt; `line` is where the log tells of it.

    `timestamp_ms` is when it was sent. `delay_ms` is the idle time before it and `idle_after_ms`
    that after its reply, where the log says it; otherwise it is worked out. `place` counts the
    requests of a whole conversation whose log may not be in order. `failed` requests got no answer.
    `missing` and `fidelity` are for prompts that are not to the letter what was sent. `origin` is
    added to the turn's.
    """

    messages: Sequence[Message]
    line: int
    tools: Sequence[Mapping[str, Any]] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    response: Message | None = None
    recorded: Recorded = NOTHING_RECORDED
    output_tokens: int | None = None
    timestamp_ms: float | None = None
    delay_ms: float | None = None
    idle_after_ms: float | None = None
    place: int | None = None
    conversation: Conversation | None = None
    failed: bool = False
    fidelity: PromptFidelity = PromptFidelity.EXACT
    missing: tuple[str, ...] = ()
    origin: Mapping[str, Any] = field(default_factory=dict)

    @property
    def end_ms(self) -> float | None:
        """When its reply was complete."""
        if self.timestamp_ms is None or self.recorded.latency_ms is None:
            return None
        return self.timestamp_ms + self.recorded.latency_ms
