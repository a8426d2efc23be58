"""What a chunk of a chat-completions stream says, whichever engine sent it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

REASONING_KEYS = ("reasoning_content", "reasoning")
"""llama.cpp, SGLang and DeepSeek say ``reasoning_content``; vLLM says ``reasoning``."""


def load_object(data: str) -> dict[str, Any] | None:
    """The JSON object in `data`, or ``None`` when it is not one."""
    try:
        value = json.loads(data)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def child(value: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    """The object under `key`, empty where there is none or it is null."""
    found = value.get(key)
    return found if isinstance(found, Mapping) else {}


def choice_of(chunk: Mapping[str, Any]) -> Mapping[str, Any]:
    """The first choice, empty for a usage chunk."""
    choices = chunk.get("choices")
    if isinstance(choices, list) and choices and isinstance(choices[0], Mapping):
        return choices[0]
    return {}


def text_of(delta: Mapping[str, Any], key: str) -> str:
    """A text field of a delta; null and absent are empty."""
    value = delta.get(key)
    return value if isinstance(value, str) else ""


def reasoning_of(delta: Mapping[str, Any]) -> tuple[str, str]:
    """The name and text of a reasoning delta; empty text where there is none."""
    for key in REASONING_KEYS:
        if text := text_of(delta, key):
            return key, text
    return REASONING_KEYS[0], ""


def calls_of(delta: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Tool-call deltas that carry a name or a piece of the arguments."""
    calls = delta.get("tool_calls")
    if not isinstance(calls, list):
        return []
    kept = [call for call in calls if isinstance(call, Mapping)]
    return [c for c in kept if child(c, "function").get("name") or _arguments(c)]


def _arguments(call: Mapping[str, Any]) -> str:
    return text_of(child(call, "function"), "arguments")


def is_token(delta: Mapping[str, Any]) -> bool:
    """Whether a delta carries generated text: role chunks and keep-alives do not."""
    return bool(text_of(delta, "content") or reasoning_of(delta)[1] or calls_of(delta))


def carries_token(data: str, read: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> bool:
    """`is_token` for the raw data of an event, which `read` makes a chat chunk of."""
    chunk = load_object(data)
    return chunk is not None and is_token(child(choice_of(read(chunk)), "delta"))
