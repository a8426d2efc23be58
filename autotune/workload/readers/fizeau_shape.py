"""Fizeau's messages and tools in OpenAI chat shape."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

_SAMPLERS = ("temperature", "top_p", "top_k", "min_p", "repetition_penalty")
_UNSET_WHEN_ZERO = ("max_tokens", "seed", "stop", "reasoning")


def arguments_text(arguments: Any) -> str:
    """Tool-call arguments as the string that a chat request carries.

    The log holds them parsed; they are written compactly with their keys in the log's order,
    so the same call is the same text everywhere. A string stays as it is.
    """
    if isinstance(arguments, str):
        return arguments
    if arguments is None:
        return "{}"
    return json.dumps(arguments, ensure_ascii=False, separators=(",", ":"))


def chat_tool_call(call: Mapping[str, Any]) -> dict[str, Any]:
    """``{id, name, arguments}`` as an OpenAI tool call."""
    if "function" in call:
        return dict(call)
    function = {"name": call.get("name"), "arguments": arguments_text(call.get("arguments"))}
    rest = {k: v for k, v in call.items() if k not in ("id", "name", "arguments")}
    return {"id": call.get("id"), "type": "function", "function": function, **rest}


def chat_message(message: Mapping[str, Any]) -> dict[str, Any]:
    """One message; every other key stays where it was."""
    calls = message.get("tool_calls")
    if not isinstance(calls, list):
        return dict(message)
    shaped = [chat_tool_call(call) if isinstance(call, dict) else call for call in calls]
    return {k: shaped if k == "tool_calls" else v for k, v in message.items()}


def chat_reply(content: str | None, calls: list[dict[str, Any]] | None) -> dict[str, Any]:
    """A reply as the assistant message that the next prompt carries: empty parts left out."""
    message: dict[str, Any] = {"role": "assistant"}
    if content or not calls:
        message["content"] = content or ""
    if calls:
        message["tool_calls"] = [chat_tool_call(call) for call in calls]
    return message


def chat_tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    """``{name, description, parameters}`` as an OpenAI tool."""
    return dict(tool) if "function" in tool else {"type": "function", "function": dict(tool)}


def sampling(data: Mapping[str, Any]) -> dict[str, Any]:
    """Sampling parameters that the request set. Zero means unset for the integer ones."""
    named = {name: data.get(name) for name in _SAMPLERS}
    named |= {name: data.get(name) or None for name in _UNSET_WHEN_ZERO}
    return {name: value for name, value in named.items() if value is not None}
