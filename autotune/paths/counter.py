"""Prompt tokens as an attached server counts them, where its engine has a way to ask."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from autotune.launchers.http import Answer
from autotune.launchers.prompt_tokens import counted
from autotune.replay.http import Http, HttpBroken, HttpSilent
from autotune.replay.probe import CountTokens
from autotune.workload.model import Message

Tools = tuple[Mapping[str, Any], ...]


def counter_of(
    owner: str, base: str, model: str, http: Http, headers: Mapping[str, str]
) -> CountTokens | None:
    """How to count at a server whose models are `owner`'s; ``None`` where there is no known way.

    `base` ends where the routes begin, nearly always in ``/v1``.
    """
    makers: Mapping[str, tuple[str, str]] = {
        "llamacpp": (f"{base}/chat/completions/input_tokens", "input_tokens"),
        "vllm": (f"{base.removesuffix('/v1')}/tokenize", "count"),
    }
    if owner not in makers:
        return None
    url, key = makers[owner]
    return _asking(url, key, model, http, headers)


def _asking(
    url: str, key: str, model: str, http: Http, headers: Mapping[str, str]
) -> Callable[[tuple[Message, ...], Tools], int | None]:
    def count(messages: tuple[Message, ...], tools: Tools) -> int | None:
        payload = {"model": model, "messages": list(messages)}
        if tools:
            payload["tools"] = list(tools)
        try:
            answer = http.post_json(url, payload, headers)
        except (HttpBroken, HttpSilent):
            return None
        return counted(Answer(answer.status, answer.body), key)

    return count
