"""Replies of OpenAI chat completions and text completions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import mapping, objects, text
from autotune.workload.readers.openai_shape import chat_reply, recorded_usage

_REASONING = ("reasoning_content", "reasoning")
"""llama.cpp, SGLang and DeepSeek say ``reasoning_content``; vLLM and OpenRouter ``reasoning``."""


def _first(chunk: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The piece of choice 0, empty for a chunk without any; ``None`` for one of other choices.

    Asked for several replies (``n``), a server sends pieces of each as they come.
    """
    choices = objects(chunk.get("choices"))
    found = [choice for choice in choices if choice.get("index") in (0, None)]
    return next(iter(found), None if choices else {})


@dataclass(slots=True)
class ChatFold:
    """``choices[0].delta`` after delta, or ``choices[0].message`` at once."""

    finished: bool = False
    response_id: str | None = None
    _said: dict[str, list[str]] = field(default_factory=dict)
    _calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    _counts: dict[str, Any] = field(default_factory=dict)
    _body: Mapping[str, Any] | None = None

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Adds a chunk; whether it carries content, reasoning or a tool call."""
        counts = ("model", "usage", "timings")
        self._counts.update({name: chunk[name] for name in counts if chunk.get(name)})
        choice = _first(chunk)
        if choice is None:
            return False
        self.finished = self.finished or bool(choice.get("finish_reason"))
        delta = mapping(choice.get("delta"))
        said = self._say("content", delta.get("content") or choice.get("text"))
        thought = any(self._say("reasoning_content", delta.get(key)) for key in _REASONING)
        called = sum(self._call(call) for call in objects(delta.get("tool_calls")))
        return said or thought or called > 0

    def _say(self, part: str, piece: Any) -> bool:
        if not isinstance(piece, str) or not piece:
            return False
        self._said.setdefault(part, []).append(piece)
        return True

    def _call(self, delta: Mapping[str, Any]) -> bool:
        """A call comes in pieces: id and name once, its arguments bit by bit."""
        index = delta.get("index")
        slot = index if isinstance(index, int) else self._slot_without_index(delta)
        empty = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
        call = self._calls.setdefault(slot, empty)
        call["id"] = call["id"] or text(delta.get("id")) or ""
        function = mapping(delta.get("function"))
        name, arguments = text(function.get("name")), text(function.get("arguments"))
        call["function"]["name"] += name or ""
        call["function"]["arguments"] += arguments or ""
        return bool(name or arguments)

    def _slot_without_index(self, delta: Mapping[str, Any]) -> int:
        """A piece with an id begins a call; one without goes on with the last."""
        begins = bool(delta.get("id")) or not self._calls
        return len(self._calls) if begins else max(self._calls)

    def whole(self, body: Mapping[str, Any]) -> None:
        """Takes a reply that came in one body."""
        self.finished = True
        self._body = body

    def message(self) -> Message | None:
        """The reply so far."""
        if self._body is not None:
            return chat_reply(self._body)
        message: dict[str, Any] = {part: "".join(said) for part, said in self._said.items()}
        if self._calls:
            message["tool_calls"] = [self._calls[slot] for slot in sorted(self._calls)]
        return chat_reply({"choices": [{"message": message}]})

    def usage(self) -> Recorded:
        """Counts as they were last seen, and the model."""
        return recorded_usage(self._body if self._body is not None else self._counts)
