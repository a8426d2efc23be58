"""The reply put together again from its deltas, with the stamps of the first and the last."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autotune.replay.chunks import (
    REASONING_KEYS,
    calls_of,
    child,
    choice_of,
    is_token,
    load_object,
    reasoning_of,
    text_of,
)
from autotune.replay.dialect import CHAT, FINISHED, Dialect, Translate
from autotune.replay.outcome import Reply
from autotune.replay.sse import DONE, SseEvent


@dataclass(slots=True)
class Assembly:
    """What a whole stream said. `usage`, `timings` and `metrics` are the last ones seen; so is
    everything in `final`, objects and numbers by their key.

    `events` counts those that arrived; `provider` is who served it, where a router says so.
    `arrivals` are the stamp and the characters of every piece of the reply, in order.
    """

    first_s: float | None = None
    last_s: float | None = None
    finish_reason: str | None = None
    done: bool = False
    error: str | None = None
    events: int = 0
    provider: str | None = None
    usage: Mapping[str, Any] = field(default_factory=dict)
    timings: Mapping[str, Any] = field(default_factory=dict)
    metrics: Mapping[str, Any] = field(default_factory=dict)
    final: Mapping[str, Any] = field(default_factory=dict)
    content: list[str] = field(default_factory=list)
    reasoning: list[str] = field(default_factory=list)
    reasoning_key: str = REASONING_KEYS[0]
    calls: dict[int, dict[str, Any]] = field(default_factory=dict)
    arrivals: list[tuple[float, int]] = field(default_factory=list)

    @property
    def reply(self) -> Reply:
        """What was generated."""
        calls = tuple(self.calls[index] for index in sorted(self.calls))
        text, reasoning = "".join(self.content), "".join(self.reasoning)
        return Reply(text, reasoning, self.reasoning_key, calls)


def assemble(events: list[SseEvent], dialect: Dialect = CHAT) -> Assembly:
    """Read every event up to ``[DONE]``; the first error ends it."""
    whole = Assembly(events=len(events))
    read = dialect.translator()
    for event in events:
        if event.data.strip() == DONE:
            whole.done = True
            break
        _take_event(whole, event, read)
        if whole.error is not None:
            break
    return whole


def _take_event(whole: Assembly, event: SseEvent, read: Translate) -> None:
    told = load_object(event.data)
    if told is None:
        whole.error = f"a chunk is not JSON: {event.data[:120]}"
        return
    chunk = told if event.is_error or told.get("error") else read(told)
    if event.is_error or chunk.get("error"):
        whole.error = error_text(chunk)
    else:
        _take_chunk(whole, chunk, event.at_s)


def _take_chunk(whole: Assembly, chunk: Mapping[str, Any], at_s: float) -> None:
    for name in ("usage", "timings", "metrics"):
        if found := child(chunk, name):
            setattr(whole, name, found)
    told = {n: v for n, v in chunk.items() if isinstance(v, Mapping | int | float) and v != {}}
    whole.final = {**whole.final, **told}
    whole.done = whole.done or bool(chunk.get(FINISHED))
    whole.provider = provider_of(chunk) or whole.provider
    choice = choice_of(chunk)
    if isinstance(reason := choice.get("finish_reason"), str):
        whole.finish_reason = reason
    delta = child(choice, "delta")
    if is_token(delta):
        whole.first_s = at_s if whole.first_s is None else whole.first_s
        whole.last_s = at_s
        whole.arrivals.append((at_s, _characters(delta)))
        _take_delta(whole, delta)


def _characters(delta: Mapping[str, Any]) -> int:
    """How much text a delta carries: of the reply, of its reasoning and of its calls."""
    called = (child(call, "function") for call in calls_of(delta))
    arguments = sum(len(text_of(f, "name")) + len(text_of(f, "arguments")) for f in called)
    return len(text_of(delta, "content")) + len(reasoning_of(delta)[1]) + arguments


def _take_delta(whole: Assembly, delta: Mapping[str, Any]) -> None:
    whole.content.append(text_of(delta, "content"))
    key, text = reasoning_of(delta)
    if text:
        whole.reasoning_key = key
        whole.reasoning.append(text)
    for call in calls_of(delta):
        _take_call(whole.calls, call)


def _take_call(calls: dict[int, dict[str, Any]], delta: Mapping[str, Any]) -> None:
    """A call arrives in pieces: id and name once, arguments bit by bit."""
    index = delta.get("index")
    slot = index if isinstance(index, int) else len(calls)
    empty = {"id": "", "type": "function", "function": {"name": "", "arguments": ""}}
    call = calls.setdefault(slot, empty)
    call["id"] = call["id"] or text_of(delta, "id")
    function = child(delta, "function")
    call["function"]["name"] += text_of(function, "name")
    call["function"]["arguments"] += text_of(function, "arguments")


def provider_of(chunk: Mapping[str, Any]) -> str | None:
    """Who served a routed request: the selected endpoint of the metadata, else the bare name."""
    available = child(child(chunk, "openrouter_metadata"), "endpoints").get("available")
    for one in available if isinstance(available, list) else ():
        if isinstance(one, Mapping) and one.get("selected"):
            return text_of(one, "provider") or None
    return text_of(chunk, "provider") or None


def error_text(answer: Mapping[str, Any]) -> str:
    """The message of an error object, with its type, on one line."""
    error = answer.get("error", answer)
    if not isinstance(error, Mapping):
        return " ".join(str(error).split())
    parts = [str(error[key]) for key in ("type", "code", "message") if error.get(key)]
    return " ".join(": ".join(parts).split()) or "an error without a message"
