"""What is known of services and servers: their keys, their request fields, what they refuse."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.replay.dialect import Api
from autotune.replay.messages_api import VERSION

RequestFields = Callable[[int | None], Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Service:
    """A hosted service, known by its host.

    `key_env` is the variable that its own tools read the key from. `lists_all` is whether its list
    of models names everything it takes; others have aliases.
    """

    name: str
    host: str
    key_env: str
    api: Api = Api.OPENAI
    key_header: str = "authorization"
    lists_all: bool = False


SERVICES = (
    Service("openai", "api.openai.com", "OPENAI_API_KEY"),
    Service("anthropic", "api.anthropic.com", "ANTHROPIC_API_KEY", Api.ANTHROPIC, "x-api-key"),
    Service("openrouter", "openrouter.ai", "OPENROUTER_API_KEY", lists_all=True),
)


def service_at(host: str) -> Service | None:
    """The service at a host name; a key is never sent to a host that only looks like it."""
    return next((s for s in SERVICES if host == s.host or host.endswith(f".{s.host}")), None)


_PIN_LENGTH = {
    "llamacpp": frozenset({Api.OPENAI, Api.RESPONSES}),
    "vllm": frozenset({Api.OPENAI}),
    "sglang": frozenset({Api.OPENAI}),
}
"""Servers, by the ``owned_by`` of their models, that take ``ignore_eos``, and by which API: what
llama-server makes of a Messages request leaves it out."""


def pins_length(owner: str, api: Api) -> bool:
    """Whether replies can be made exactly as long as asked."""
    return api in _PIN_LENGTH.get(owner, frozenset())


def headers_for(
    service: Service | None, api: Api, key: str | None, extra: Mapping[str, str]
) -> dict[str, str]:
    """The headers of every request."""
    headers: dict[str, str] = {}
    if key is not None:
        bare = service is not None and service.key_header == "x-api-key"
        headers |= {"x-api-key": key} if bare else {"Authorization": f"Bearer {key}"}
    if api is Api.ANTHROPIC:
        headers["anthropic-version"] = VERSION
    if service is not None and service.name == "openrouter":
        headers |= {"X-OpenRouter-Metadata": "enabled", "X-Title": "autotune"}
    return {**headers, **extra}


_LENGTH = {
    Api.OPENAI: "max_tokens",
    Api.ANTHROPIC: "max_tokens",
    Api.RESPONSES: "max_output_tokens",
}


def request_fields(
    service: Service | None, owner: str, api: Api, provider: str | None, cache_key: str
) -> RequestFields:
    """What each request carries besides the prompt. What an API refuses is not in it.

    `cache_key` keeps the requests of one path together where a service routes by it.
    """
    name = service.name if service else ""
    length = "max_completion_tokens" if (name, api) == ("openai", Api.OPENAI) else _LENGTH[api]
    fixed = _fixed(name, owner, api, provider, cache_key)

    def fields(tokens: int | None) -> Mapping[str, Any]:
        return fixed if tokens is None else {**fixed, length: tokens}

    return fields


def _fixed(
    service: str, owner: str, api: Api, provider: str | None, cache_key: str
) -> dict[str, Any]:
    if service == "openrouter":
        return {"provider": _pinned(provider)}
    if service == "openai":
        return {"prompt_cache_key": cache_key}
    if service or owner not in _PIN_LENGTH:
        return {}
    sampling = {"temperature": 0} if api is Api.ANTHROPIC else {"temperature": 0, "seed": 1}
    return {**sampling, "ignore_eos": True} if pins_length(owner, api) else sampling


def _pinned(provider: str | None) -> dict[str, Any]:
    """Parameters that a provider lacks would be dropped silently; a fallback would be another."""
    only = {} if provider is None else {"order": [provider], "allow_fallbacks": False}
    return {**only, "require_parameters": True}
