"""Request bodies and replies of the model APIs, whichever it is, in chat shape.

`/chat/completions` and `/completions` (OpenAI), `/responses` (OpenAI), `/messages` (Anthropic). The
API is told by the address where there is one, else by what only that API has.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any

from autotune.workload.model import Message, PromptFidelity, Recorded
from autotune.workload.readers import anthropic_shape, openai_shape, responses_shape
from autotune.workload.readers.checks import mapping, objects, text, unpacked
from autotune.workload.readers.logged import NOTHING_RECORDED
from autotune.workload.readers.stream_reply import is_stream, joined_reply, stream_chunks


class Api(StrEnum):
    """The APIs, by the last part of their address."""

    CHAT = "chat/completions"
    COMPLETIONS = "completions"
    RESPONSES = "responses"
    MESSAGES = "messages"


@dataclass(frozen=True, slots=True)
class Body:
    """A request in chat shape.

    A flat completion prompt has no roles: it is one user message, `missing` says so, and its
    fidelity is below exact.
    """

    api: Api
    messages: Sequence[Message]
    tools: Sequence[Mapping[str, Any]] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    model: str | None = None
    missing: tuple[str, ...] = ()

    @property
    def fidelity(self) -> PromptFidelity:
        """How far the messages are what was sent."""
        return PromptFidelity.REBUILT if self.missing else PromptFidelity.EXACT


@dataclass(frozen=True, slots=True)
class Reply:
    """What a response says: the message of it, its token counts and model, and its id."""

    message: Message | None = None
    recorded: Recorded = NOTHING_RECORDED
    response_id: str | None = None
    failed: bool = False


def api_of_url(url: str) -> Api | None:
    """The API that an address ends on; its query does not count."""
    path = url.partition("?")[0].partition("#")[0].rstrip("/")
    return next((api for api in Api if path.endswith(f"/{api}")), None)


def api_of_body(body: Mapping[str, Any]) -> Api | None:
    """The API that a body without an address is for, by its keys."""
    if isinstance(body.get("messages"), list):
        return Api.MESSAGES if anthropic_shape.is_request(body) else Api.CHAT
    if isinstance(body.get("input"), (str, list)):
        return Api.RESPONSES
    return Api.COMPLETIONS if isinstance(body.get("prompt"), (str, list)) else None


def parse_body(body: Any, api: Api | None = None) -> Body:
    """The request in `body`; the API is told by its keys where `api` is not given.

    Raises:
        ValueError: it is no request of that API, or it builds on one that is not in it
            (``previous_response_id``); the reason quotes nothing.
    """
    if not isinstance(body, Mapping):
        raise ValueError("body: not an object")
    api = api or api_of_body(body)
    if api is None:
        raise ValueError("body: neither messages nor input nor prompt")
    parsed = _PARSERS[api](body)
    return replace(parsed, model=text(body.get("model")))


def _chat(body: Mapping[str, Any]) -> Body:
    messages, tools = openai_shape.chat_messages(body), openai_shape.chat_tools(body)
    return Body(Api.CHAT, messages, tools, openai_shape.chat_params(body))


def _completion(body: Mapping[str, Any]) -> Body:
    messages, params = openai_shape.prompt_messages(body), openai_shape.chat_params(body)
    return Body(Api.COMPLETIONS, messages, params=params, missing=("roles",))


def _responses(body: Mapping[str, Any]) -> Body:
    if text(body.get("previous_response_id")):
        raise ValueError("previous_response_id: the server holds what came before")
    messages = responses_shape.chat_messages(body)
    tools = responses_shape.chat_tools(body)
    return Body(Api.RESPONSES, messages, tools, responses_params(body))


def _anthropic(body: Mapping[str, Any]) -> Body:
    messages, tools = anthropic_shape.chat_messages(body), anthropic_shape.chat_tools(body)
    return Body(Api.MESSAGES, messages, tools, anthropic_shape.chat_params(body))


_PARSERS = {
    Api.CHAT: _chat,
    Api.COMPLETIONS: _completion,
    Api.RESPONSES: _responses,
    Api.MESSAGES: _anthropic,
}


def responses_params(body: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of a Responses body under their chat names."""
    params = openai_shape.chat_params(body)
    params.pop("reasoning", None)
    if body.get("max_output_tokens") is not None:
        params["max_tokens"] = body["max_output_tokens"]
    effort = text(mapping(body.get("reasoning")).get("effort"))
    return {**params, "reasoning_effort": effort} if effort else params


def parse_reply(response: Any) -> Reply:
    """The reply in `response`, of whichever API: an object, its JSON, or the text of a stream.

    Never raises: what is no reply says nothing.
    """
    reply = _unwrapped(response)
    known, name = _known_reply(reply), text(reply.get("model"))
    return replace(
        known,
        recorded=replace(known.recorded, model=known.recorded.model or name),
        response_id=text(reply.get("id")),
        failed=bool(reply.get("error")),
    )


def _unwrapped(response: Any) -> Mapping[str, Any]:
    """The body of a response, streamed or not, out of what loggers put around it."""
    if isinstance(response, str) and is_stream(response):
        return joined_reply(stream_chunks(response))
    plain = unpacked(response)
    if isinstance(plain, list):
        return joined_reply(objects(plain))
    reply = mapping(plain)
    inner = reply.get("body", reply.get("response"))
    return reply if inner is None or "choices" in reply else mapping(unpacked(inner))


def _known_reply(reply: Mapping[str, Any]) -> Reply:
    if isinstance(reply.get("choices"), list):
        return Reply(openai_shape.chat_reply(reply), openai_shape.recorded_usage(reply))
    if isinstance(reply.get("output"), list):
        usage = responses_shape.recorded_usage(reply.get("usage"))
        return Reply(_checked(responses_shape.reply_message(reply)), usage)
    if isinstance(reply.get("content"), list):
        return Reply(_anthropic_reply(reply), anthropic_shape.recorded_usage(reply.get("usage")))
    return Reply(recorded=openai_shape.recorded_usage(reply))


def _anthropic_reply(reply: Mapping[str, Any]) -> Message | None:
    try:
        return anthropic_shape.chat_reply(reply)
    except ValueError:
        return None


def _checked(message: Message | None) -> Message | None:
    return message if message is None else openai_shape.reply_message(message)
