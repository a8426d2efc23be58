"""Streamed replies put together to the body that the same request gets unstreamed.

The text is what a log kept of the stream: server-sent events (WHATWG HTML, 9.2) of Chat
Completions, Completions, Responses or Anthropic Messages. When the pieces came is not in it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.readers.checks import mapping, objects

_LINE_END = re.compile(r"\r\n|\n|\r")
_LAST_OF_RESPONSES = ("response.completed", "response.incomplete", "response.failed")
_TEXT_DELTAS = {"text_delta": "text", "thinking_delta": "thinking", "input_json_delta": "input"}


def is_stream(text: str) -> bool:
    """Whether `text` begins as server-sent events do."""
    return text.lstrip("\ufeff\r\n").startswith(("data:", "event:", ": ", ":\n", "id:", "retry:"))


def stream_chunks(text: str) -> Iterator[Mapping[str, Any]]:
    """The JSON objects of the events' data, in order; the end mark and the like are left out."""
    data: list[str] = []
    for line in (*_LINE_END.split(text), ""):
        if line.startswith("data:"):
            data.append(line[5:].removeprefix(" "))
        elif not line and data:
            chunk = _object("\n".join(data))
            if chunk is not None:
                yield chunk
            data = []


def _object(text: str) -> Mapping[str, Any] | None:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def joined_reply(chunks: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """The body that the chunks of one reply make; empty when they make none. Never raises.

    A stream that broke off gives what had come: its reply may be short and its usage absent.
    """
    chat, messages = _ChatReply(), _MessagesReply()
    for chunk in chunks:
        if chunk.get("type") in _LAST_OF_RESPONSES:
            return dict(mapping(chunk.get("response")))
        if isinstance(chunk.get("choices"), list):
            chat.add(chunk)
        elif isinstance(chunk.get("type"), str):
            messages.add(chunk)
        elif chunk.get("error"):
            return {"error": chunk["error"]}
    return chat.body() if chat.begun else messages.body()


@dataclass(slots=True)
class _Call:
    """A tool call whose arguments come in pieces."""

    head: dict[str, Any] = field(default_factory=dict)
    name: str = ""
    arguments: list[str] = field(default_factory=list)

    def add(self, delta: Mapping[str, Any]) -> None:
        function = mapping(delta.get("function"))
        self.head |= {k: delta[k] for k in ("id", "type") if isinstance(delta.get(k), str)}
        if isinstance(function.get("name"), str):
            self.name += function["name"]
        if isinstance(function.get("arguments"), str):
            self.arguments.append(function["arguments"])

    def call(self) -> dict[str, Any]:
        function = {"name": self.name, "arguments": "".join(self.arguments)}
        return {"type": "function", **self.head, "function": function}


@dataclass(slots=True)
class _ChatReply:
    """The first choice of a chat completion or a text completion."""

    head: dict[str, Any] = field(default_factory=dict)
    texts: dict[str, list[str]] = field(default_factory=dict)
    calls: dict[int, _Call] = field(default_factory=dict)
    begun: bool = False

    def add(self, chunk: Mapping[str, Any]) -> None:
        self.begun = True
        kept = ("id", "model", "usage", "timings", "error")
        self.head |= {key: chunk[key] for key in kept if chunk.get(key)}
        for choice in objects(chunk.get("choices")):
            if choice.get("index", 0) == 0:
                self._text("content", choice.get("text"))
                self._delta(mapping(choice.get("delta")))

    def _delta(self, delta: Mapping[str, Any]) -> None:
        for name in ("content", "reasoning_content", "reasoning"):
            self._text(name, delta.get(name))
        for place, call in enumerate(objects(delta.get("tool_calls"))):
            index = call.get("index")
            known = index if type(index) is int else place
            self.calls.setdefault(known, _Call()).add(call)

    def _text(self, name: str, piece: Any) -> None:
        if isinstance(piece, str):
            self.texts.setdefault(name, []).append(piece)

    def body(self) -> dict[str, Any]:
        message: dict[str, Any] = {name: "".join(texts) for name, texts in self.texts.items()}
        if self.calls:
            message["tool_calls"] = [self.calls[index].call() for index in sorted(self.calls)]
        return {**self.head, "choices": [{"message": message}] if message else []}


@dataclass(slots=True)
class _MessagesReply:
    """An Anthropic message: its blocks, and usage that the last events complete."""

    message: dict[str, Any] = field(default_factory=dict)
    blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    texts: dict[int, tuple[str, list[str]]] = field(default_factory=dict)
    usage: dict[str, Any] = field(default_factory=dict)

    def add(self, chunk: Mapping[str, Any]) -> None:
        kind, index = chunk.get("type"), chunk.get("index")
        if kind == "message_start":
            self.message = dict(mapping(chunk.get("message")))
            self.usage |= mapping(self.message.get("usage"))
        elif kind == "message_delta":
            self.usage |= {k: v for k, v in mapping(chunk.get("usage")).items() if v is not None}
        elif kind == "error":
            self.message["error"] = chunk.get("error")
        elif type(index) is int and kind == "content_block_start":
            self.blocks[index] = dict(mapping(chunk.get("content_block")))
        elif type(index) is int and kind == "content_block_delta":
            self._delta(index, mapping(chunk.get("delta")))

    def _delta(self, index: int, delta: Mapping[str, Any]) -> None:
        name = _TEXT_DELTAS.get(str(delta.get("type")))
        piece = delta.get("partial_json") if name == "input" else delta.get(name or "")
        if name and isinstance(piece, str):
            self.texts.setdefault(index, (name, []))[1].append(piece)

    def body(self) -> dict[str, Any]:
        for index, (name, pieces) in self.texts.items():
            block = self.blocks.get(index)
            if block is not None and (text := "".join(pieces)):
                block[name] = text
        if not self.message and not self.blocks:
            return {}
        content = [self.blocks[index] for index in sorted(self.blocks)]
        return {**self.message, "content": content, "usage": self.usage}
