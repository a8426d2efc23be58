"""Replies of the Anthropic Messages API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.anthropic_shape import assistant_message, recorded_usage
from autotune.workload.readers.checks import mapping, objects, text

_PIECES = {
    "text_delta": ("text", "text"),
    "thinking_delta": ("thinking", "thinking"),
    "input_json_delta": ("partial_json", "input"),
}
"""Type of a delta: where its text stands, and which field of its block it adds to."""


@dataclass(slots=True)
class MessagesFold:
    """Content blocks as they open and fill; arguments of a call stay the text that came."""

    finished: bool = False
    response_id: str | None = None
    _model: str | None = None
    _blocks: dict[int, dict[str, Any]] = field(default_factory=dict)
    _usage: dict[str, Any] = field(default_factory=dict)

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Adds an event; whether it carries text, thinking or a call."""
        match chunk.get("type"):
            case "message_start":
                self._note(mapping(chunk.get("message")))
            case "content_block_start":
                return self._open(chunk)
            case "content_block_delta":
                return self._fill(chunk)
            case "message_delta":
                self._count(chunk.get("usage"))
            case "message_stop":
                self.finished = True
        return False

    def _note(self, message: Mapping[str, Any]) -> None:
        self._model = text(message.get("model"))
        self._count(message.get("usage"))

    def _count(self, usage: Any) -> None:
        """Later counts replace earlier ones: those of ``message_delta`` are cumulative."""
        known = {name: value for name, value in mapping(usage).items() if value is not None}
        self._usage.update(known)

    def _open(self, chunk: Mapping[str, Any]) -> bool:
        block = dict(mapping(chunk.get("content_block")))
        is_call = _is_call(block)
        if is_call:
            block["input"] = ""  # an empty object stands here; the real one follows as text
        self._blocks[_index(chunk)] = block
        return is_call or bool(block.get("text") or block.get("thinking"))

    def _fill(self, chunk: Mapping[str, Any]) -> bool:
        delta = mapping(chunk.get("delta"))
        where, part = _PIECES.get(str(delta.get("type")), ("", ""))
        piece = text(delta.get(where))
        if piece is None:
            return False
        block = self._blocks.setdefault(_index(chunk), {"type": part})
        block[part] = (text(block.get(part)) or "") + piece
        return True

    def whole(self, body: Mapping[str, Any]) -> None:
        """Takes a reply that came in one body."""
        self._note(body)
        self.finished = True
        self._blocks = {at: dict(b) for at, b in enumerate(objects(body.get("content")))}

    def message(self) -> Message | None:
        """The reply so far. A block that cannot be read is left out of it."""
        filled = [_with_input(self._blocks[at]) for at in sorted(self._blocks)]
        blocks = [block for block in filled if _is_sound(block)]
        return assistant_message(blocks) if blocks else None

    def usage(self) -> Recorded:
        """Its counts and its model: the prompt is the sum of three counts."""
        return replace(recorded_usage(self._usage), model=self._model)


def _is_call(block: Mapping[str, Any]) -> bool:
    return str(block.get("type")).endswith("tool_use")


def _index(chunk: Mapping[str, Any]) -> int:
    index = chunk.get("index")
    return index if isinstance(index, int) else 0


def _with_input(block: dict[str, Any]) -> dict[str, Any]:
    """A call without arguments sends no text of them; its empty object is what it has."""
    return {**block, "input": "{}"} if block.get("input") == "" else block


def _is_sound(block: Mapping[str, Any]) -> bool:
    """Whether a block has what its type asks for."""
    try:
        assistant_message([block])
    except ValueError:
        return False
    return True
