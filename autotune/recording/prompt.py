"""The prompt of a recorded request, in chat shape, whichever API carried it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.recording.apis import Api
from autotune.workload.model import Fidelity, Message, PromptFidelity
from autotune.workload.readers import anthropic_shape, openai_shape, responses_shape
from autotune.workload.readers.checks import objects, text

Body = Mapping[str, Any]
Tools = tuple[Mapping[str, Any], ...]

EXACT = Fidelity()


@dataclass(frozen=True, slots=True)
class Prompt:
    """What a request asked.

    `raw` is a prompt that its client rendered by itself. `previous` names the reply that the server
    continues from: the prompt goes on after it.
    """

    messages: tuple[Message, ...]
    tools: Tools = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    fidelity: Fidelity = EXACT
    raw: str | None = None
    previous: str | None = None


def read_prompt(api: Api, body: Body) -> Prompt:
    """The prompt of a request body. Of its other fields, those that shape the reply are kept.

    Raises:
        ValueError: it is no request of its API, or its prompt has no text (token ids).
    """
    prompt = _READERS[api](body)
    if not prompt.messages and prompt.previous is None:
        raise ValueError("the request has no prompt")
    return prompt


def _chat(body: Body) -> Prompt:
    return Prompt(
        messages=tuple(openai_shape.chat_messages(body)),
        tools=tuple(openai_shape.chat_tools(body)),
        params=openai_shape.chat_params(body),
    )


def _completions(body: Body) -> Prompt:
    """One message: which part of the text had which role is not told."""
    messages = openai_shape.prompt_messages(body)
    return Prompt(
        messages=tuple(messages),
        params=openai_shape.chat_params(body),
        fidelity=Fidelity(PromptFidelity.REBUILT, ("roles",)),
        raw=messages[0]["content"],
    )


def _messages(body: Body) -> Prompt:
    said = [message.get("content") for message in objects(body.get("messages"))]
    lost = any(map(anthropic_shape.lost_thinking, said))
    return Prompt(
        messages=tuple(anthropic_shape.chat_messages(body)),
        tools=tuple(anthropic_shape.chat_tools(body)),
        params=anthropic_shape.chat_params(body),
        fidelity=Fidelity(missing=("thinking",) if lost else ()),
    )


def _responses(body: Body) -> Prompt:
    fidelity = EXACT
    if any(map(_is_encrypted, objects(body.get("input")))):
        fidelity = Fidelity(missing=("thinking",))
    if body.get("conversation"):
        fidelity = Fidelity(PromptFidelity.REBUILT, (*fidelity.missing, "history"))
    limit = body.get("max_output_tokens")
    params = openai_shape.chat_params(body)
    return Prompt(
        messages=tuple(responses_shape.chat_messages(body)),
        tools=responses_shape.chat_tools(body),
        params=params if limit is None else {**params, "max_tokens": limit},
        fidelity=fidelity,
        previous=text(body.get("previous_response_id")),
    )


_READERS: dict[Api, Callable[[Body], Prompt]] = {
    Api.CHAT: _chat,
    Api.COMPLETIONS: _completions,
    Api.MESSAGES: _messages,
    Api.RESPONSES: _responses,
}


def _is_encrypted(item: Mapping[str, Any]) -> bool:
    """Reasoning whose text only its server can read."""
    hidden = item.get("type") == "reasoning" and bool(item.get("encrypted_content"))
    return hidden and not item.get("content")
