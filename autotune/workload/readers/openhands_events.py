"""Requests of an OpenHands conversation, put together from its events.

Actions that one response made share its id: they are one request. Its results stand in the prompt
after it, in the order of the calls.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.model import Boundary, Message, Recorded, Session
from autotune.workload.readers.checks import count, difference_ms, epoch_ms, mapping, text
from autotune.workload.readers.message_store import MessageStore
from autotune.workload.readers.names import name_of
from autotune.workload.readers.openai_shape import recorded_usage
from autotune.workload.readers.openhands_shape import (
    Event,
    answer_of,
    is_event,
    is_request,
    metrics_of,
    response_of,
    said_by,
    system_of,
)
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "openhands"


@dataclass(slots=True)
class _Thread:
    """One agent's conversation: the main one, or one that it delegated to."""

    builder: SessionBuilder
    said: list[tuple[int | None, Message]] = field(default_factory=list)
    response_id: str | None = None
    ended_ms: float | None = None
    edited: Boundary | None = None


@dataclass(slots=True)
class Conversation:
    """Events in, sessions out. `line` is where the file tells of this conversation."""

    file: str
    ledger: DamageLedger
    digest: str
    line: int = 0
    metrics: Mapping[str, Recorded] = field(default_factory=dict)
    store: MessageStore = field(default_factory=MessageStore)
    _threads: list[_Thread] = field(default_factory=list)
    _stack: list[_Thread] = field(default_factory=list)
    _now_ms: float | None = None

    def sessions(self, session_id: str, events: Iterable[Any]) -> Iterator[Session]:
        """The session that `events` are, then those that it delegated to."""
        self._begin(session_id, None)
        for number, event in enumerate(events, start=1):
            if is_event(event):
                self._take(event, number)
            else:
                self._damage(number, "no event")
        yield from filter(None, (thread.builder.session() for thread in self._threads))

    def _damage(self, number: int, detail: str) -> None:
        line = self.line or number
        self.ledger.add(self.file, DamageKind.WRONG_SCHEMA, line, f"history: {detail}")

    def _begin(self, session_id: str, parent: str | None) -> None:
        builder = SessionBuilder(session_id, NAME, self.digest, parent, ("system", "tools"))
        if parent:
            builder.mark(Boundary.SUBAGENT)
        self._threads.append(_Thread(builder))
        self._stack.append(self._threads[-1])

    def _take(self, event: Event, number: int) -> None:
        """One event; afterwards its time is the latest known."""
        if "observation" in event and "action" not in event:
            self._observe(event)
        else:
            self._act(event, number)
        stamp = epoch_ms(event.get("timestamp"))
        self._now_ms = self._now_ms if stamp is None else stamp

    def _act(self, event: Event, number: int) -> None:
        thread = self._stack[-1]
        kind = event.get("action")
        if kind == "system":
            self._system(thread, event)
        elif kind == "condensation":
            self._condense(thread, mapping(event.get("args")))
        elif is_request(event):
            self._reply(thread, event, number)
        elif event.get("source") != "agent":
            self._say(thread, event, said_by(event))
        if kind == "delegate" and event.get("source") == "agent":
            self._delegate(thread, event)

    def _system(self, thread: _Thread, event: Event) -> None:
        message, tools = system_of(event)
        builder = thread.builder
        builder.missing = () if tools else ("tools",)
        try:
            builder.tools = self.store.tools(tools)
        except ValueError as error:
            self._damage(0, f"tools: {error}")
        self._say(thread, event, message)

    def _say(self, thread: _Thread, event: Event, message: Message | None) -> None:
        if message is None:
            return
        try:
            known = self.store.message(message).message
        except ValueError as error:
            self._damage(0, str(error))
            return
        thread.said.append((count(event.get("id")), known))

    def _reply(self, thread: _Thread, event: Event, number: int) -> None:
        """An action: the request for it, unless another action of the same response was one."""
        response = response_of(event)
        known = text(response.get("id"))
        if known is not None and known == thread.response_id:
            return
        thread.response_id = known
        message = said_by(event)
        self._request(thread, event, message, number)
        self._say(thread, event, message)

    def _request(self, thread: _Thread, event: Event, message: Message | None, number: int) -> None:
        recorded = self._recorded(event)
        end_ms = epoch_ms(event.get("timestamp"))
        start_ms = self._now_ms
        if end_ms is not None and recorded.latency_ms is not None:
            start_ms = end_ms - recorded.latency_ms
        builder = thread.builder
        builder.messages = [said for _, said in thread.said]
        if thread.edited is not None:
            builder.mark(thread.edited)
            thread.edited = None
        builder.request(
            line=self.line,
            response=message,
            recorded=recorded,
            output_tokens=recorded.completion_tokens,
            timestamp_ms=start_ms,
            delay_ms=difference_ms(thread.ended_ms, start_ms),
            origin={"event": number},
        )
        thread.ended_ms = end_ms

    def _recorded(self, event: Event) -> Recorded:
        """What the run's metrics say of this response, else the response itself."""
        response = response_of(event)
        known = text(response.get("id")) or ""
        recorded = self.metrics.get(known) or metrics_of(event.get("llm_metrics")).get(known)
        counted = recorded_usage(response)
        if recorded is None or recorded.prompt_tokens is None:
            latency_ms = recorded.latency_ms if recorded else None
            recorded = replace(counted, latency_ms=latency_ms)
        return replace(recorded, model=name_of(counted.model or recorded.model))

    def _observe(self, event: Event) -> None:
        if event.get("observation") == "delegate" and len(self._stack) > 1:
            self._stack.pop()
        self._say(self._stack[-1], event, answer_of(event))

    def _delegate(self, thread: _Thread, event: Event) -> None:
        """What follows, up to the delegate's answer, is another agent's conversation."""
        parent = thread.builder.session_id
        self._begin(f"{parent}.{len(self._threads)}", parent)
        inputs = mapping(mapping(event.get("args")).get("inputs"))
        task = text(inputs.get("task")) or ""
        self._say(self._stack[-1], {}, {"role": "user", "content": task})

    def _condense(self, thread: _Thread, args: Mapping[str, Any]) -> None:
        """Forget the events named, and put the summary where it is said to stand."""
        ids = args.get("forgotten_event_ids")
        forgotten = {i for i in ids if type(i) is int} if isinstance(ids, list) else set()
        first = count(args.get("forgotten_events_start_id"))
        last = count(args.get("forgotten_events_end_id"))
        kept = [
            (number, message)
            for number, message in thread.said
            if not (number in forgotten or _within(number, first, last))
        ]
        summary = text(args.get("summary"))
        if summary:
            offset = count(args.get("summary_offset"))
            at = len(kept) if offset is None else min(offset, len(kept))
            message = self.store.message({"role": "user", "content": summary}).message
            kept.insert(at, (None, message))
        thread.said = kept
        thread.edited = Boundary.COMPACTION


def _within(number: int | None, first: int | None, last: int | None) -> bool:
    if number is None or first is None or last is None:
        return False
    return first <= number <= last
