"""Messages of SWE-agent as it sends them: without its own notes, tool results by call id.

Its history items also carry ``agent``, ``message_type``, ``thought``, ``action`` and the like,
which stay at home. The mark of Anthropic's cache moves from message to message and is no text.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from autotune.workload.model import Message
from autotune.workload.readers.checks import mapping, number, text
from autotune.workload.readers.names import name_of
from autotune.workload.readers.openai_shape import check_message


def sent_message(item: Any) -> Message:
    """A history item as the message that was sent. Raises `ValueError` when it is none."""
    known = mapping(item)
    role = known.get("role")
    message: dict[str, Any] = {"role": role, "content": _unmarked(known.get("content"))}
    if role == "tool":
        ids = known.get("tool_call_ids")
        named = ids[0] if isinstance(ids, list) and ids else known.get("tool_call_id")
        message["tool_call_id"] = text(named) or ""
    elif known.get("tool_calls"):
        message["tool_calls"] = known["tool_calls"]
    if text(known.get("reasoning_content")):
        message["reasoning_content"] = known["reasoning_content"]
    check_message(message)
    return message


def _unmarked(content: Any) -> Any:
    """Content without the marks of Anthropic's cache."""
    if not isinstance(content, list):
        return content
    return [
        {key: value for key, value in part.items() if key != "cache_control"}
        if isinstance(part, dict)
        else part
        for part in content
    ]


def is_reply(item: Any) -> bool:
    """Whether the model wrote this item, and not somebody who demonstrates."""
    known = mapping(item)
    return known.get("role") == "assistant" and known.get("is_demo") is not True


def settings_of(document: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Model and sampling parameters, from the settings kept beside the run as JSON text."""
    settings = document.get("replay_config")
    if isinstance(settings, str):
        try:
            settings = json.loads(settings)
        except (ValueError, RecursionError):
            settings = None
    model = mapping(mapping(mapping(settings).get("agent")).get("model"))
    sampled = {key: number(model.get(key)) for key in ("temperature", "top_p")}
    return name_of(model.get("name")), {k: v for k, v in sampled.items() if v is not None}


def totals_of(document: Mapping[str, Any]) -> dict[str, Any]:
    """``info.model_stats``: counts of the run as a whole; there are none by request."""
    stats = mapping(mapping(document.get("info")).get("model_stats"))
    names = ("tokens_sent", "tokens_received", "api_calls")
    return {name: stats[name] for name in names if type(stats.get(name)) is int}
