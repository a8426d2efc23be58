"""Replies of the OpenAI Responses API."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import mapping, text
from autotune.workload.readers.responses_shape import recorded_usage, reply_message

_LAST = ("response.completed", "response.incomplete", "response.failed", "response.done")
_CALL_TEXT = {"function_call": "arguments", "custom_tool_call": "input"}


@dataclass(slots=True)
class ResponsesFold:
    """Output items as they are added, filled and done; the last event holds them all again."""

    finished: bool = False
    response_id: str | None = None
    _model: str | None = None
    _items: dict[int, Mapping[str, Any]] = field(default_factory=dict)
    _filling: dict[int, list[str]] = field(default_factory=dict)
    _response: Mapping[str, Any] = field(default_factory=dict)

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Adds an event; whether it carries text, reasoning or a call."""
        kind = str(chunk.get("type"))
        self._note(mapping(chunk.get("response")))
        if kind in _LAST:
            self.finished = True
        elif kind == "response.output_item.added":
            return self._open(chunk)
        elif kind == "response.output_item.done":
            self._items[_index(chunk)] = mapping(chunk.get("item"))
            self._filling.pop(_index(chunk), None)
        elif kind.endswith(".delta"):
            return self._fill(chunk)
        return False

    def _note(self, response: Mapping[str, Any]) -> None:
        self._response = response or self._response
        self._model = text(response.get("model")) or self._model
        self.response_id = text(response.get("id")) or self.response_id

    def _open(self, chunk: Mapping[str, Any]) -> bool:
        item = mapping(chunk.get("item"))
        self._items[_index(chunk)] = item
        return str(item.get("type")).endswith("_call")

    def _fill(self, chunk: Mapping[str, Any]) -> bool:
        piece = text(chunk.get("delta"))
        if piece is None:
            return False
        self._filling.setdefault(_index(chunk), []).append(piece)
        return True

    def whole(self, body: Mapping[str, Any]) -> None:
        """Takes a reply that came in one body."""
        self._note(body)
        self.finished = True

    def message(self) -> Message | None:
        """The reply so far; items that were never done hold what had come of them."""
        output = self._response.get("output")
        if not (self.finished and output):
            # Some servers leave the list of their last event empty.
            output = [self._item(at) for at in sorted({*self._items, *self._filling})]
        return reply_message({"output": output})

    def _item(self, at: int) -> dict[str, Any]:
        item = dict(self._items.get(at) or {"type": "message", "role": "assistant"})
        if at not in self._filling:
            return item
        said = "".join(self._filling[at])
        part = _CALL_TEXT.get(str(item.get("type")))
        if part is not None:
            return {**item, part: said}
        return {**item, "content": [{"type": "output_text", "text": said}]}

    def usage(self) -> Recorded:
        """Its counts and its model."""
        return replace(recorded_usage(self._response.get("usage")), model=self._model)


def _index(chunk: Mapping[str, Any]) -> int:
    index = chunk.get("output_index")
    return index if isinstance(index, int) else 0
