"""What a reply said, put together from its stream or read from its one body."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from autotune.recording.apis import Api
from autotune.recording.decode import decoded
from autotune.recording.exchange import Exchange, StampedBytes
from autotune.recording.fold_chat import ChatFold
from autotune.recording.fold_messages import MessagesFold
from autotune.recording.fold_responses import ResponsesFold
from autotune.recording.gentle import Pause, pause
from autotune.recording.sse import DONE, events, joined
from autotune.workload.model import Message, Recorded
from autotune.workload.readers.checks import mapping

ENDED_EARLY = "the stream ended before the reply did"
_EVENTS_BETWEEN_PAUSES = 32
NOTHING_RECORDED = Recorded()


class Fold(Protocol):
    """A reply of one API in the making."""

    finished: bool
    response_id: str | None

    def take(self, chunk: Mapping[str, Any]) -> bool:
        """Adds an event of the stream; whether it carries the reply's content."""

    def whole(self, body: Mapping[str, Any]) -> None:
        """Takes the body of a reply that was not streamed."""

    def message(self) -> Message | None:
        """The reply so far as an assistant message; ``None`` when it says nothing."""

    def usage(self) -> Recorded:
        """Its token counts, and the model that it names."""


_FOLDS: dict[Api, Callable[[], Fold]] = {
    Api.CHAT: ChatFold,
    Api.COMPLETIONS: ChatFold,
    Api.MESSAGES: MessagesFold,
    Api.RESPONSES: ResponsesFold,
}


@dataclass(frozen=True, slots=True)
class Answer:
    """`ttft_s` is None where the reply came in one piece; `failure` where it came whole."""

    message: Message | None = None
    usage: Recorded = NOTHING_RECORDED
    ttft_s: float | None = None
    response_id: str | None = None
    failure: str | None = None


def read_answer(exchange: Exchange, rest: Pause = pause) -> Answer:
    """The reply of `exchange`. One that cannot be read is a failure, never an error."""
    fold = _FOLDS[exchange.api]()
    first_s: float | None = None
    error: str | None = None
    try:
        chunks = decoded(exchange.chunks, exchange.content_encoding)
        if _is_stream(exchange, chunks):
            first_s, error = _take_stream(fold, chunks, rest)
            if error is None and not fold.finished:
                error = exchange.failure or ENDED_EARLY
        elif exchange.failure is None:
            error = _take_whole(fold, chunks)
    except (ValueError, RecursionError) as reason:
        error = f"the reply cannot be read: {type(reason).__name__}"
    return Answer(
        message=fold.message(),
        usage=fold.usage(),
        ttft_s=None if first_s is None else max(0.0, first_s - exchange.started_s),
        response_id=fold.response_id,
        failure=error or _cut(exchange, fold),
    )


def _cut(exchange: Exchange, fold: Fold) -> str | None:
    """A client that hangs up after the reply's own end has all of it."""
    return None if fold.finished else exchange.failure


def _is_stream(exchange: Exchange, chunks: Sequence[StampedBytes]) -> bool:
    """By its type; some servers forget to say it."""
    if "event-stream" in exchange.content_type.lower():
        return True
    start = b"".join(data for _, data in chunks[:2]).lstrip()
    return start.startswith((b"data:", b"event:", b":"))


def _take_stream(
    fold: Fold, chunks: Sequence[StampedBytes], rest: Pause
) -> tuple[float | None, str | None]:
    """When the first content came, and the error that ended the stream."""
    first_s: float | None = None
    for number, (at_s, name, chunk) in enumerate(_objects(chunks)):
        if number % _EVENTS_BETWEEN_PAUSES == _EVENTS_BETWEEN_PAUSES - 1:
            rest()
        failed = mapping(chunk.get("response"))  # the Responses API says it there
        if name == "error" or chunk.get("error") or failed.get("error"):
            return first_s, error_text(failed if failed.get("error") else chunk)
        if fold.take(chunk) and first_s is None:
            first_s = at_s
    return first_s, None


def _objects(chunks: Sequence[StampedBytes]) -> Iterator[tuple[float, str, Mapping[str, Any]]]:
    """Events that are JSON objects; the torn last one of a cut stream is none."""
    for event in events(chunks):
        if event.data.strip() == DONE:
            return
        try:
            value = json.loads(event.data)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield event.at_s, event.name or str(value.get("type", "")), value


def _take_whole(fold: Fold, chunks: Sequence[StampedBytes]) -> str | None:
    body = json.loads(joined(chunks))
    if not isinstance(body, dict):
        raise ValueError("the reply is no JSON object")
    if body.get("error"):
        return error_text(body)
    fold.whole(body)
    return None


def error_text(value: Any) -> str:
    """The message of an error object, on one line."""
    error = value.get("error", value) if isinstance(value, Mapping) else value
    if not isinstance(error, Mapping):
        return " ".join(str(error).split()) or "an error without a message"
    parts = [str(error[key]) for key in ("type", "code", "message") if error.get(key)]
    return " ".join(": ".join(parts).split()) or "an error without a message"
