"""Fizeau session logs: whole requests with timing, the ideal capture.

Requests and replies are paired by their order within the agent loop's own session id. TTFT is
the first delta with output minus the request; without deltas it is ``attempt.timing``, and
absent when there is none. A failed call is a turn like any other, since the server saw its
prompt; it has no usage and no reply, and `origin` says why it failed.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from pydantic import BaseModel

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Boundary, Message, Recorded, Session, Turn
from autotune.workload.prefix import common_prefix, identical
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.fizeau_events import (
    Event,
    Request,
    Response,
    delta_has_output,
)
from autotune.workload.readers.fizeau_shape import chat_message, chat_reply, chat_tool, sampling

NAME = "fizeau"
_Part = TypeVar("_Part", bound=BaseModel)
_KEYS = frozenset({"session_id", "seq", "type", "ts", "data"})


class FizeauReader:
    """Reads ``svc-*.jsonl`` session logs."""

    name = NAME
    description = "Fizeau session logs: .fizeau/sessions/svc-*.jsonl"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line has the five keys of an event."""
        return line.keys() >= _KEYS and isinstance(line["data"], dict)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The sessions of `file`, each as a loop id of its own, in order of their first request.

        The text of one file is in memory at a time: messages that requests repeat are kept once.
        """
        log = _Log(file, ledger, file_hash(file.path))
        for line in read_objects(file, ledger):
            log.add(line)
        yield from log.sessions()


@dataclass(slots=True)
class _Call:
    """A request and what is known of its reply so far."""

    turn: Turn
    model: str | None
    first_output_ms: float | None = None
    end_ms: float | None = None
    response: Response | None = None


@dataclass(slots=True)
class _Loop:
    """The calls of one agent loop; the last one may be open."""

    calls: list[_Call] = field(default_factory=list)
    is_open: bool = False
    compacted: bool = False
    open_line: int = 0

    @property
    def last(self) -> _Call | None:
        """The latest call."""
        return self.calls[-1] if self.calls else None


class _Log:
    """A file's events, sorted into loops."""

    def __init__(self, file: CaptureFile, ledger: DamageLedger, digest: str) -> None:
        self._file = file
        self._ledger = ledger
        self._digest = digest
        self._loops: dict[str, _Loop] = {}
        self._handlers = {
            "llm.request": self._request,
            "llm.delta": self._delta,
            "llm.response": self._response,
            "compaction.end": self._compaction,
        }

    def add(self, line: JsonLine) -> None:
        """Take in one line; events that say nothing of requests are passed over."""
        with self._ledger.checked(self._file.name, line.number):
            event = Event.model_validate(line.value)
            handler = self._handlers.get(event.type)
            if handler is not None:
                handler(event, event.timestamp_ms, line.number)

    def sessions(self) -> Iterator[Session]:
        """One session a loop that made a request."""
        for session_id, loop in self._loops.items():
            if loop.is_open:
                self._damage(DamageKind.UNANSWERED_REQUEST, loop.open_line)
            if loop.calls:
                yield Session(session_id, _turns(loop.calls))

    def _damage(self, kind: DamageKind, line: int, detail: str = "") -> None:
        self._ledger.add(self._file.name, kind, line, detail)

    def _request(self, event: Event, now_ms: float, number: int) -> None:
        request = _parse(Request, event)
        loop = self._loops.setdefault(event.session_id, _Loop())
        if loop.is_open:
            self._damage(DamageKind.UNANSWERED_REQUEST, loop.open_line)
        origin = {"format": NAME, "file": self._digest, "line": number}
        if (request.attempt_index or 1) > 1:
            origin["attempt"] = request.attempt_index
        turn = _turn(event, request, loop, now_ms, origin)
        loop.calls.append(_Call(turn, request.model or None))
        loop.is_open, loop.open_line, loop.compacted = True, number, False

    def _delta(self, event: Event, now_ms: float, _: int) -> None:
        loop = self._loops.get(event.session_id)
        call = loop.last if loop and loop.is_open else None
        if call and call.first_output_ms is None and delta_has_output(event.data):
            call.first_output_ms = now_ms

    def _response(self, event: Event, now_ms: float, number: int) -> None:
        response = _parse(Response, event)
        loop = self._loops.get(event.session_id)
        call = loop.last if loop and loop.is_open else None
        if loop is None or call is None:
            self._damage(DamageKind.RESPONSE_WITHOUT_REQUEST, number)
            return
        call.response, call.end_ms, loop.is_open = response, now_ms, False

    def _compaction(self, event: Event, _now_ms: float, _: int) -> None:
        failed = event.data.get("error") or event.data.get("success") is False
        self._loops.setdefault(event.session_id, _Loop()).compacted = not failed


def _parse(model: type[_Part], event: Event) -> _Part:
    return model.model_validate(event.data)


def _turn(
    event: Event, request: Request, loop: _Loop, now_ms: float, origin: dict[str, Any]
) -> Turn:
    """The request as a turn; messages and tools that the call before had are its objects."""
    before = loop.last.turn if loop.last else None
    earlier: tuple[Message, ...] = before.messages if before else ()
    messages = tuple(chat_message(message) for message in request.messages)
    keep = common_prefix(earlier, messages)
    tools: tuple[Mapping[str, Any], ...] = tuple(chat_tool(tool) for tool in request.tools or ())
    if before and identical(before.tools, tools):
        tools = before.tools
    params = sampling(event.data)
    return Turn(
        session_id=event.session_id,
        index=len(loop.calls),
        messages=(*earlier[:keep], *messages[keep:]),
        keep=keep,
        tools=tools,
        params=before.params if before and before.params == params else params,
        timestamp_ms=now_ms,
        delay_ms=_delay(loop.last, now_ms),
        boundary=_boundary(keep, earlier, compacted=loop.compacted),
        origin=origin,
    )


def _delay(before: _Call | None, now_ms: float) -> float | None:
    """Idle ms since the reply before; unknown without one, or when clocks ran backwards."""
    if before is None or before.end_ms is None or now_ms < before.end_ms:
        return None
    return now_ms - before.end_ms


def _boundary(keep: int, earlier: tuple[Message, ...], *, compacted: bool) -> Boundary | None:
    if keep == len(earlier):
        return None
    return Boundary.COMPACTION if compacted else Boundary.EDIT


def _turns(calls: list[_Call]) -> tuple[Turn, ...]:
    """Turns with what their replies recorded.

    A provider that ever reported ``cache_read`` in this session leaves it out when it is zero;
    one that never did says nothing of its cache.
    """
    replies = [call.response for call in calls if call.response]
    reports = any(reply.usage and reply.usage.cache_read for reply in replies)
    return tuple(_answered(call, reports_cache=reports) for call in calls)


def _answered(call: _Call, *, reports_cache: bool) -> Turn:
    reply = call.response
    if reply is None:
        return replace(call.turn, recorded=Recorded(model=call.model))
    failed = reply.error is not None
    usage = reply.usage
    origin = {**call.turn.origin, "error": reply.error} if failed else call.turn.origin
    return replace(
        call.turn,
        output_tokens=usage.output if usage else None,
        response=None if failed else chat_reply(reply.content, reply.tool_calls),
        recorded=_recorded(call, reply, reports_cache=reports_cache),
        origin=origin,
    )


def _recorded(call: _Call, reply: Response, *, reports_cache: bool) -> Recorded:
    usage = reply.usage
    cached = reply.cached_tokens
    if cached is None and usage is not None and reports_cache:
        cached = 0
    served = reply.attempt.response_model if reply.attempt else None
    return Recorded(
        prompt_tokens=usage.input if usage else None,
        cached_tokens=cached,
        completion_tokens=usage.output if usage else None,
        reasoning_tokens=usage.reasoning if usage else None,
        ttft_ms=_ttft_ms(call, reply),
        latency_ms=reply.latency_ms,
        model=reply.model or served or call.model,
    )


def _ttft_ms(call: _Call, reply: Response) -> float | None:
    sent = call.turn.timestamp_ms
    if call.first_output_ms is not None and sent is not None:
        return max(0.0, call.first_output_ms - sent)
    return reply.first_token_ms
