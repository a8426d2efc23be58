"""The seam between one replay and the APIs it can speak.

A dialect says how a chat-shaped prompt is written as a request, and turns each event of the
stream into the chat-completions chunk that says the same, so that stamps, counts and verdicts are
worked out in one way for all.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from autotune.workload.model import Message

Chunk = Mapping[str, Any]
"""One chat-completions chunk; empty for an event that says nothing of the reply."""

Translate = Callable[[Mapping[str, Any]], Chunk]
"""Takes the events of one stream, in order; it may remember earlier ones."""

FINISHED = "autotune_finished"
"""A translated chunk with this key set ends a stream that has no ``[DONE]``."""


class Api(StrEnum):
    """The APIs, by the names of the command line."""

    OPENAI = "openai"
    ANTHROPIC = "anthropic"
    RESPONSES = "responses"


@dataclass(frozen=True, slots=True)
class Dialect:
    """One API.

    Attributes:
        route: where requests go, behind the ``/v1`` of a server.
        body: model name, messages and tools in; the request without lengths and extras out.
        translator: makes the `Translate` of one stream.
        strict: whether the API refuses tool calls without results and results without calls.
    """

    api: Api
    route: str
    body: Callable[[str, Sequence[Message], Sequence[Mapping[str, Any]]], dict[str, Any]]
    translator: Callable[[], Translate]
    strict: bool = False


def chat_body(
    model_name: str, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A chat-completions request. Messages and tools go as they are."""
    body: dict[str, Any] = {"model": model_name, "messages": list(messages)}
    if tools:
        body |= {"tools": list(tools), "tool_choice": "none"}
    return body | {"stream": True, "stream_options": {"include_usage": True}}


def _as_it_is(chunk: Mapping[str, Any]) -> Chunk:
    return chunk


CHAT = Dialect(Api.OPENAI, "/chat/completions", chat_body, lambda: _as_it_is)
"""OpenAI chat completions, which every local engine speaks."""
