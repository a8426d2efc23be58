"""Anthropic's Messages API: chat-shaped prompts out, its stream events in.

Field and event names are those of the API's reference (``POST /v1/messages``,
``anthropic-version: 2023-06-01``). What differs from chat completions:

* The system prompt is a field. A later system message becomes user text.
* Tool results are blocks of a user message, first in it, and all results of one assistant message
  stand in one; messages of one role in a row are joined.
* Reasoning is left out: the API takes only thinking that it signed itself.
* Caching is asked for: ``cache_control`` stands on the last block of the system prompt (tools come
  before it in the prefix) and of the last two user messages, three of the four breakpoints that a
  request may have. So a turn writes what the next one reads, as agents do it.
* ``input_tokens`` counts neither what was read from the cache nor what was written to it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from autotune.replay.chunks import child, text_of
from autotune.replay.dialect import FINISHED, Api, Chunk, Dialect
from autotune.replay.nonce import SYSTEM_ROLES
from autotune.replay.tool_links import calls_in, text_in
from autotune.workload.model import Message

Block = dict[str, Any]

VERSION = "2023-06-01"
"""The ``anthropic-version`` header that the events below belong to."""

CACHED_USER_MESSAGES = 2
_BREAKPOINT = {"type": "ephemeral"}
_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")
_DATA_URL = re.compile(r"data:(image/[\w.+-]+);base64,(.+)", re.DOTALL)
_OPENING = "Continue."
"""Said by the user where a capture begins with the assistant."""


def messages_body(
    model_name: str, messages: Sequence[Message], tools: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    """A request without ``max_tokens``, which the API insists on."""
    system, rest = _split_system(messages)
    body: dict[str, Any] = {"model": model_name}
    if system:
        body["system"] = [{"type": "text", "text": system, "cache_control": _BREAKPOINT}]
    if tools:
        body |= {"tools": [_tool(tool) for tool in tools], "tool_choice": {"type": "none"}}
    body["messages"] = _cached(list(_joined(rest)))
    return body | {"stream": True}


def _split_system(messages: Sequence[Message]) -> tuple[str, Sequence[Message]]:
    """The text of the system messages at the front, and the other messages."""
    at = 0
    while at < len(messages) and messages[at].get("role") in SYSTEM_ROLES:
        at += 1
    texts = (text_in(message.get("content")) for message in messages[:at])
    return "\n\n".join(filter(None, texts)), messages[at:]


def _tool(tool: Mapping[str, Any]) -> dict[str, Any]:
    function = child(tool, "function") or tool
    made: dict[str, Any] = {"name": _name(function.get("name"))}
    if text := text_of(function, "description"):
        made["description"] = text
    schema = function.get("parameters") or function.get("input_schema") or {"type": "object"}
    return {**made, "input_schema": schema}


def _name(value: object) -> str:
    """Names and ids may hold letters, digits, dashes and underscores."""
    return _NOT_IN_A_NAME.sub("_", str(value or "")) or "_"


def _joined(messages: Sequence[Message]) -> Iterator[dict[str, Any]]:
    """Messages of alternating roles that begin with the user."""
    role, blocks = "user", list[Block]()
    if messages and messages[0].get("role") == "assistant":
        blocks.append(_text(_OPENING))
    for message in messages:
        speaker = "assistant" if message.get("role") == "assistant" else "user"
        if speaker != role and blocks:
            yield _message(role, blocks)
            blocks = []
        role = speaker
        blocks += _blocks(message)
    if blocks:
        yield _message(role, blocks)


def _message(role: str, blocks: list[Block]) -> dict[str, Any]:
    """Results first, which the API demands of a user message."""
    return {"role": role, "content": sorted(blocks, key=lambda b: b["type"] != "tool_result")}


def _blocks(message: Message) -> list[Block]:
    role, content = message.get("role"), message.get("content")
    if role == "assistant":
        return [*_parts(content), *(_call(call) for call in calls_in(message))]
    if role in ("tool", "function"):
        return [_result(message)]
    if role in SYSTEM_ROLES:
        return [_text(f"<system>\n{text_in(content)}\n</system>")]
    return _parts(content)


def _text(text: str) -> Block:
    return {"type": "text", "text": text}


def _parts(content: object) -> list[Block]:
    """Text and images; empty text, which the API refuses, is left out."""
    if not isinstance(content, list | tuple):
        text = text_in(content)
        return [_text(text)] if text else []
    blocks = [_image(part) or _text(text_in([part])) for part in content]
    return [block for block in blocks if block.get("text") != ""]


def _image(part: object) -> Block | None:
    url = child(part, "image_url").get("url") if isinstance(part, Mapping) else None
    if not isinstance(url, str):
        return None
    if (match := _DATA_URL.fullmatch(url)) is not None:
        source = {"type": "base64", "media_type": match[1], "data": match[2]}
    else:
        source = {"type": "url", "url": url}
    return {"type": "image", "source": source}


def _call(call: Mapping[str, Any]) -> Block:
    function = child(call, "function")
    name, called = _name(function.get("name")), _name(call.get("id"))
    return {"type": "tool_use", "id": called, "name": name, "input": _input(function)}


def _input(function: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments as the object that the API wants; text that is none goes under one key."""
    arguments = function.get("arguments")
    if isinstance(arguments, Mapping):
        return arguments
    try:
        value = json.loads(arguments or "{}")
    except (TypeError, ValueError):
        value = None
    return value if isinstance(value, dict) else {"arguments": arguments}


def _result(message: Message) -> Block:
    content = message.get("content")
    shown: Any = text_in(content)
    if isinstance(content, list | tuple) and any(map(_image, content)):
        shown = _parts(content)
    used = _name(message.get("tool_call_id"))
    return {"type": "tool_result", "tool_use_id": used, "content": shown}


def _cached(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A breakpoint on the last block of the last user messages."""
    users = [message for message in messages if message["role"] == "user"]
    for message in users[-CACHED_USER_MESSAGES:]:
        *others, last = message["content"]
        message["content"] = [*others, {**last, "cache_control": _BREAKPOINT}]
    return messages


_DELTAS = {"text_delta": ("text", "content"), "thinking_delta": ("thinking", "reasoning_content")}
"""Type of a delta: where its text stands, and the name of that text in a chat delta."""

_USAGE = {
    "input_tokens": "fresh",
    "cache_read_input_tokens": "read",
    "cache_creation_input_tokens": "written",
    "output_tokens": "output",
}
_FINISH = {"max_tokens": "length", "tool_use": "tool_calls"}


@dataclass(slots=True)
class MessagesTranslator:
    """The events of one stream as chat chunks. Counts come in two parts and are kept together."""

    counts: dict[str, int] = field(default_factory=dict)
    extra: dict[str, Any] = field(default_factory=dict)

    def __call__(self, event: Mapping[str, Any]) -> Chunk:
        """The chunk that says what `event` says; empty for pings and signatures."""
        metadata = {k: event[k] for k in ("openrouter_metadata", "provider") if k in event}
        return {**self._chunk(event), **metadata}

    def _chunk(self, event: Mapping[str, Any]) -> Chunk:
        match event.get("type"):
            case "message_start":
                message = child(event, "message")
                found = {"usage": self._usage(child(message, "usage"))}
                return found | ({"provider": message["provider"]} if "provider" in message else {})
            case "content_block_start":
                return _choice(_opened(event))
            case "content_block_delta":
                return _choice(_delta(event))
            case "message_delta":
                return self._ending(event)
            case "message_stop":
                return {FINISHED: True}
        return {}

    def _ending(self, event: Mapping[str, Any]) -> Chunk:
        reason = child(event, "delta").get("stop_reason")
        finish = _FINISH.get(reason, "stop") if isinstance(reason, str) else None
        usage = self._usage(child(event, "usage"))
        return {"choices": [{"delta": {}, "finish_reason": finish}], "usage": usage}

    def _usage(self, usage: Mapping[str, Any]) -> dict[str, Any]:
        """Later counts replace earlier ones; those of ``message_delta`` are cumulative."""
        for name, value in usage.items():
            if name in _USAGE:
                if isinstance(value, int):
                    self.counts[_USAGE[name]] = value
            elif name == "cost":
                self.extra[name] = value
        return chat_usage(self.counts) | self.extra


def chat_usage(counts: Mapping[str, int]) -> dict[str, Any]:
    """The counts under the names of chat completions. The prompt is the sum of three counts."""
    usage: dict[str, Any] = {}
    if "fresh" in counts:
        parts = (counts.get(name, 0) for name in ("fresh", "read", "written"))
        usage["prompt_tokens"] = sum(parts)
    if "output" in counts:
        usage["completion_tokens"] = counts["output"]
    names = {"read": "cached_tokens", "written": "cache_write_tokens"}
    details = {name: counts[key] for key, name in names.items() if key in counts}
    return {**usage, "prompt_tokens_details": details} if details else usage


def _choice(delta: Mapping[str, Any]) -> Chunk:
    return {"choices": [{"delta": delta, "finish_reason": None}]} if delta else {}


def _opened(event: Mapping[str, Any]) -> dict[str, Any]:
    """A block that opens with something: a call with its name, or text that comes at once."""
    block = child(event, "content_block")
    if str(block.get("type")).endswith("tool_use"):
        called = {"name": text_of(block, "name"), "arguments": ""}
        return _piece(event, {"id": text_of(block, "id"), "function": called})
    found = {"content": text_of(block, "text"), "reasoning_content": text_of(block, "thinking")}
    return {name: text for name, text in found.items() if text}


def _delta(event: Mapping[str, Any]) -> dict[str, Any]:
    delta = child(event, "delta")
    kind = str(delta.get("type"))
    if kind == "input_json_delta":
        return _piece(event, {"function": {"arguments": text_of(delta, "partial_json")}})
    where, name = _DELTAS.get(kind, ("", ""))
    text = text_of(delta, where)
    return {name: text} if text else {}


def _piece(event: Mapping[str, Any], call: dict[str, Any]) -> dict[str, Any]:
    return {"tool_calls": [{"index": event.get("index"), **call}]}


MESSAGES = Dialect(Api.ANTHROPIC, "/messages", messages_body, MessagesTranslator, strict=True)
"""Anthropic's Messages API, which llama-server and vLLM speak as well."""
