"""Where a plan is replayed: a base URL and what every request to it must carry."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Rendering(StrEnum):
    """How messages are shaped for a chat template.

    ``native`` sends them as captured. ``plain`` is for templates that refuse a sequence: tool
    results become user messages, tool calls become text in the assistant message, later system
    messages become user messages. It rewrites each message by itself, so prefixes stay stable.
    """

    NATIVE = "native"
    PLAIN = "plain"


def always_alive() -> bool:
    """For servers that are not ours."""
    return True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that speaks OpenAI chat completions.

    Attributes:
        base_url: no trailing slash, no ``/v1``.
        model_name: the ``model`` field of a request.
        request_fields: pinned output tokens -> extra body fields.
        alive: whether the server's process still runs; tells a crash from a broken stream.
        first_token_timeout_s, idle_timeout_s: beyond these a turn has failed as a hang.
    """

    base_url: str
    model_name: str
    request_fields: Callable[[int | None], Mapping[str, Any]]
    rendering: Rendering = Rendering.NATIVE
    alive: Callable[[], bool] = always_alive
    first_token_timeout_s: float = 600.0
    idle_timeout_s: float = 120.0
