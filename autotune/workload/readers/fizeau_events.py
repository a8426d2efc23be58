"""The lines of a Fizeau session log that matter here, checked at the boundary.

A line is ``{session_id, seq, type, ts, data}``. A file holds two session ids (the service's
and the agent loop's) with a ``seq`` each, so neither joins the two; keys that are not read
here are ignored, since the log is another project's.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Count = Annotated[int, Field(ge=0)]


class _Lenient(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class Event(_Lenient):
    """One line of the log; `ts` is RFC 3339 with up to nine digits."""

    session_id: Annotated[str, Field(min_length=1)]
    seq: int
    type: str
    ts: str
    data: dict[str, Any]

    @property
    def timestamp_ms(self) -> float:
        """`ts` in ms since 1970, to the microsecond. ``ValueError`` when it is no time."""
        try:
            return datetime.fromisoformat(self.ts).timestamp() * 1000.0
        except ValueError:
            raise ValueError("ts: not a time") from None


class Request(_Lenient):
    """``llm.request``: the whole prompt."""

    messages: list[dict[str, Any]]
    tools: list[dict[str, Any]] | None = None
    model: str | None = None
    attempt_index: int | None = None

    @model_validator(mode="after")
    def _messages_have_roles(self) -> Self:
        if not all(isinstance(message.get("role"), str) for message in self.messages):
            raise ValueError("every message needs a role")
        return self


class Usage(_Lenient):
    """Token counts; `input` is the whole prompt. A count of zero is left out by the writer."""

    input: Count | None = None
    output: Count | None = None
    cache_read: Count | None = None
    reasoning: Count | None = None


class Timing(_Lenient):
    """``attempt.timing``: nanoseconds."""

    first_token: Count | None = None


class PromptDetails(_Lenient):
    """What a gateway says of the prompt."""

    cached_tokens: Count | None = None


class RawCost(_Lenient):
    """A gateway's own usage, passed through."""

    prompt_tokens_details: PromptDetails | None = None


class Cost(_Lenient):
    """``attempt.cost``."""

    raw: RawCost | None = None


class Attempt(_Lenient):
    """``attempt``: who answered and when."""

    timing: Timing | None = None
    cost: Cost | None = None
    response_model: str | None = None


class Response(_Lenient):
    """``llm.response``: a reply, or `error` and no usage."""

    content: str | None = None
    tool_calls: list[dict[str, Any]] | None = None
    usage: Usage | None = None
    latency_ms: Annotated[float, Field(ge=0)] | None = None
    model: str | None = None
    error: str | None = None
    attempt: Attempt | None = None

    @property
    def cached_tokens(self) -> int | None:
        """Prompt tokens read from cache, where the reply says so."""
        if self.usage and self.usage.cache_read is not None:
            return self.usage.cache_read
        raw = self.attempt.cost.raw if self.attempt and self.attempt.cost else None
        return (
            raw.prompt_tokens_details.cached_tokens if raw and raw.prompt_tokens_details else None
        )

    @property
    def first_token_ms(self) -> float | None:
        """``attempt.timing.first_token`` in ms."""
        timing = self.attempt.timing if self.attempt else None
        if timing is None or timing.first_token is None:
            return None
        return timing.first_token / 1e6


def delta_has_output(data: dict[str, Any]) -> bool:
    """Whether an ``llm.delta`` carries content, reasoning or a tool call, and not a role only."""
    return any(
        value
        for key, value in data.items()
        if key == "content" or key.startswith(("reasoning", "tool_call"))
    )
