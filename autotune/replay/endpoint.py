"""Where a plan is replayed: a base URL and what every request to it must carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from autotune.replay.dialect import CHAT, Dialect
from autotune.replay.retry import Retries

NO_RETRIES = Retries()
HIDDEN = "[hidden]"
"""Stands for a key wherever one would show."""


class Rendering(StrEnum):
    """How messages are shaped for a chat template.

    ``native`` sends them as captured. ``plain`` is for templates that refuse a sequence: tool
    results become user messages, tool calls become text in the assistant message, later system
    messages become user messages, tool definitions become part of the system message.
    ``alternating`` is ``plain`` for templates that insist on user, assistant, user, ...: a short
    fixed message is put between two of the same role, and the system message becomes a user one.
    A message is rewritten from itself and the ones before it, so prefixes stay stable.
    """

    NATIVE = "native"
    PLAIN = "plain"
    ALTERNATING = "alternating"


def always_alive() -> bool:
    """For servers that are not ours."""
    return True


def nothing_first() -> None:
    """For servers that need nothing before a request."""


def unhurried(most_s: float) -> float:
    """As long as may be."""
    return most_s


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that speaks one of the `DIALECTS`, OpenAI chat completions unless it is said.

    Attributes:
        base_url: no trailing slash, no ``/v1``.
        model_name: the ``model`` field of a request.
        request_fields: pinned output tokens -> extra body fields.
        alive: whether the server's process still runs; tells a crash from a broken stream.
        fixed_length: whether the engine keeps to the asked output length. Where it cannot, a
            shorter reply is no failure.
        bursts: whether tokens leave in bursts, so that the first text already holds several.
        before_each: called before each request, outside of its clock: what makes a server forget
            that cannot be told to. It does not raise; the cached tokens say whether it worked.
        cached_tokens_path: dotted path of the cached-token count in the last chunks of a stream,
            e.g. ``usage.prompt_tokens_details.cached_tokens``; ``None`` looks in the usual places.
        timing_paths: ``prefill`` and ``decode``: dotted path of the engine's own times, and the
            seconds in their unit; those that are not given are looked for in the usual places.
        headers: extra HTTP headers, such as an authorization.
        first_token_timeout_s, idle_timeout_s: beyond these a turn has failed as a hang.
        hurry: given one of these, what is kept of it now; asked before each request. Never more.
        dialect, prefix: which API, and what stands before its route: ``/v1`` nearly everywhere.
        strict_tools: whether calls without results, and results without calls, must be text.
        retries: how often a request that was refused for now is sent again.
        least_output_tokens: the smallest length that the API lets one ask for.
        secrets: what must never show: it is hidden in whatever the server answers.
    """

    base_url: str
    model_name: str
    request_fields: Callable[[int | None], Mapping[str, Any]]
    rendering: Rendering = Rendering.NATIVE
    alive: Callable[[], bool] = always_alive
    fixed_length: bool = True
    bursts: bool = False
    before_each: Callable[[], None] = nothing_first
    cached_tokens_path: str | None = None
    timing_paths: Mapping[str, tuple[str, float]] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    first_token_timeout_s: float = 600.0
    idle_timeout_s: float = 120.0
    hurry: Callable[[float], float] = unhurried
    dialect: Dialect = CHAT
    prefix: str = "/v1"
    strict_tools: bool = False
    retries: Retries = NO_RETRIES
    least_output_tokens: int = 1
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def url(self) -> str:
        """Where requests go."""
        return f"{self.base_url}{self.prefix}{self.dialect.route}"

    def hide(self, text: str) -> str:
        """`text` without any of the secrets."""
        for secret in self.secrets:
            text = text.replace(secret, HIDDEN)
        return text
