"""What Cline recorded of its requests, beside and inside the conversation.

Inside a message, the newer session files give ``metrics.inputTokens`` (cache hits included), the
extension ``metrics.tokens`` (``prompt`` includes ``cached``). Before it did, the counts were in
``ui_messages.json`` beside the history: each ``api_req_started`` names the last message before its
request, and counts fresh, written and read tokens apart. There, too, is which part of the history
was left out of prompts; the newer files have ``<session>.compaction.json`` for that.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.workload.model import Recorded
from autotune.workload.readers.checks import count, epoch_ms, mapping, objects, text

KEPT_FROM_THE_START = 2
"""Messages that a truncation always keeps: the task and the first reply."""


def metrics_of(message: Mapping[str, Any]) -> Recorded:
    """What a stored reply says of its request; a prompt of zero tokens was never counted."""
    metrics, model = mapping(message.get("metrics")), mapping(message.get("modelInfo"))
    tokens = mapping(metrics.get("tokens"))
    name = text(model.get("id")) or text(model.get("modelId"))
    prompt = count(metrics.get("inputTokens")) or count(tokens.get("prompt"))
    if not prompt:
        return Recorded(model=name)
    return Recorded(
        prompt_tokens=prompt,
        cached_tokens=_first(metrics.get("cacheReadTokens"), tokens.get("cached")),
        completion_tokens=_first(metrics.get("outputTokens"), tokens.get("completion")),
        model=name,
    )


def _first(*values: Any) -> int | None:
    return next((known for known in map(count, values) if known is not None), None)


@dataclass(frozen=True, slots=True)
class Started:
    """A request as the user interface noted it."""

    time_ms: float | None
    recorded: Recorded


@dataclass(slots=True)
class UiLog:
    """``ui_messages.json``: requests and truncations by the place of the last message before."""

    _started: dict[int, Started] = field(default_factory=dict)
    _places: list[int] = field(default_factory=list)
    _ranges: list[tuple[int, int] | None] = field(default_factory=list)

    @classmethod
    def of(cls, document: Any) -> UiLog:
        """The log that `document` is; an empty one for anything else."""
        log = cls()
        for message in objects(document):
            place = message.get("conversationHistoryIndex")
            if isinstance(place, int) and not isinstance(place, bool):
                log._note(place, message)
        return log

    def _note(self, place: int, message: Mapping[str, Any]) -> None:
        if message.get("say") == "api_req_started":
            self._started[place] = _started(message)
        if self._places and place < self._places[-1]:
            return
        self._places.append(place)
        self._ranges.append(_range(message.get("conversationHistoryDeletedRange")))

    def request(self, first: int, end: int) -> Started | None:
        """The request that was made with the last message before it at ``first <= place < end``.

        The place is noted before the user's message of that request is stored.
        """
        found = (self._started.get(place) for place in range(end - 1, first - 1, -1))
        return next((started for started in found if started is not None), None)

    def left_out(self, place: int) -> tuple[int, int] | None:
        """First and last message that are not in the prompt made when `place` was the last."""
        index = bisect_right(self._places, place)
        return self._ranges[index - 1] if index else None


def _started(message: Mapping[str, Any]) -> Started:
    usage = _inner(message.get("text"))
    fresh, read = count(usage.get("tokensIn")), count(usage.get("cacheReads"))
    written = count(usage.get("cacheWrites"))
    prompt = (fresh or 0) + (read or 0) + (written or 0)
    recorded = Recorded(prompt, read, count(usage.get("tokensOut"))) if prompt else Recorded()
    return Started(epoch_ms(message.get("ts")), recorded)


def _inner(value: Any) -> Mapping[str, Any]:
    """The JSON object that stands in a string; an empty one where none does."""
    try:
        return mapping(json.loads(value)) if isinstance(value, str) else {}
    except (ValueError, RecursionError):
        return {}


def _range(value: Any) -> tuple[int, int] | None:
    if not isinstance(value, list) or len(value) != 2:
        return None
    first, last = count(value[0]), count(value[1])
    return (first, last) if first is not None and last is not None and first <= last else None


@dataclass(frozen=True, slots=True)
class CompactionState:
    """``<session>.compaction.json``: `messages` stand for the first `replaces` of the session."""

    replaces: int
    messages: list[Mapping[str, Any]]

    @classmethod
    def of(cls, document: Any) -> CompactionState | None:
        """The state that `document` is, if it is one."""
        state = mapping(document)
        replaces, messages = count(state.get("source_message_count")), state.get("messages")
        if not replaces or not isinstance(messages, list):
            return None
        return cls(replaces, objects(messages))
