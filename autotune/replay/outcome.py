"""How one request ended: the reply, the stamps and counts, or why it failed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autotune.workload.model import Message


class TurnFailure(StrEnum):
    """The failure kinds that a request can show; the values are those of `FailureKind`."""

    OUT_OF_MEMORY = "out-of-memory"
    CONTEXT_OVERFLOW = "context-overflow"
    CRASH = "crash"
    HANG = "hang"
    BAD_REPLY = "bad-reply"
    WRONG_LENGTH = "wrong-length"
    CACHE_ARM = "cache-arm"
    UNREACHED = "unreached"

    @property
    def ends_the_replay(self) -> bool:
        """Whether no other session can be answered after it either."""
        return self in (TurnFailure.CRASH, TurnFailure.HANG)


@dataclass(frozen=True, slots=True)
class Reply:
    """What the engine generated. `reasoning_key` is the name under which it sent reasoning."""

    content: str = ""
    reasoning: str = ""
    reasoning_key: str = "reasoning_content"
    tool_calls: tuple[Mapping[str, Any], ...] = ()

    def as_message(self) -> Message:
        """The assistant message that a later prompt carries."""
        message: dict[str, Any] = {"role": "assistant", "content": self.content}
        if self.reasoning:
            message[self.reasoning_key] = self.reasoning
        if self.tool_calls:
            message["tool_calls"] = [dict(call) for call in self.tool_calls]
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """One request, measured. The fields are those of `TurnRecord`; absent is ``None``.

    `reply` is ``None`` when nothing usable was generated.
    """

    started_at: str
    depth_tokens: int | None = None
    cached_tokens: int | None = None
    computed_tokens: int | None = None
    output_tokens: int | None = None
    ttft_s: float | None = None
    decode_tps: float | None = None
    wall_s: float | None = None
    server_prefill_s: float | None = None
    server_decode_s: float | None = None
    draft_tokens: int | None = None
    draft_accepted_tokens: int | None = None
    finish_reason: str | None = None
    failure: TurnFailure | None = None
    detail: str | None = None
    cache_write_tokens: int | None = None
    cost_usd: float | None = None
    provider: str | None = None
    retries: int | None = None
    reply: Reply | None = None
