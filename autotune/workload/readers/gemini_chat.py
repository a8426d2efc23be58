"""One gemini-cli session put together again from its records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from autotune.workload.model import Boundary, Message, Session
from autotune.workload.prefix import common_prefix
from autotune.workload.readers.checks import difference_ms, epoch_ms, mapping, objects, text
from autotune.workload.readers.gemini_shape import (
    assistant,
    chat_call,
    parts_content,
    parts_of,
    response_text,
    summed_tokens,
)
from autotune.workload.readers.rebuild import SessionBuilder

MISSING = ("system", "tools")


@dataclass(slots=True)
class _Record:
    """The newest writing of a message, and the line of its first."""

    value: Mapping[str, Any]
    line: int


class Chat:
    """Takes records in order; requests are made once their replies cannot change any more."""

    def __init__(self, name: str, digest: str, folder: str | None) -> None:
        self._made = SessionBuilder(f"gemini-{digest.rpartition(':')[2][:12]}", name, digest)
        self._made.missing = MISSING
        self._folder = folder
        self._records: dict[str, _Record] = {}
        self._starts: list[int] = []
        self._heard_ms: float | None = None
        self._ended_ms: float | None = None
        self._named = False

    def add(self, record: Mapping[str, Any], line: int) -> bool:
        """Take in one record; whether it is any that is known."""
        target = record.get("$rewindTo")
        if isinstance(target, str):
            self._rewind(target)
        elif isinstance(record.get("$set"), Mapping):
            self._set(record["$set"], line)
        elif "sessionId" in record:
            self._set(record, line)
        elif isinstance(record.get("id"), str) and isinstance(record.get("type"), str):
            self._write(record, line)
        else:
            return False
        return True

    def session(self) -> Session | None:
        """The session, when it made a request."""
        self._settle()
        return self._made.session()

    def _write(self, record: Mapping[str, Any], line: int) -> None:
        known = self._records.get(record["id"])
        if known is None:
            self._records[record["id"]] = _Record(record, line)
        elif len(self._starts) < len(self._records):
            known.value = record

    def _set(self, change: Mapping[str, Any], line: int) -> None:
        """What is known of the session changes; messages, where there are any, replace all."""
        session_id = text(change.get("sessionId"))
        if session_id is not None and not self._named and not self._made.turns:
            self._named = True
            self._name(session_id, change.get("kind") == "subagent")
        if isinstance(change.get("messages"), list):
            self._replace(objects(change["messages"]), line)

    def _name(self, session_id: str, is_agent: bool) -> None:
        self._made.session_id = session_id
        if is_agent:
            self._made.parent = self._folder
            self._made.mark(Boundary.SUBAGENT)

    def _replace(self, messages: list[Mapping[str, Any]], line: int) -> None:
        """The conversation is these messages from now on.

        The first of a file are its own. Later ones were said before, or take the place of what was.
        """
        self._settle()
        before = self._made.messages
        names = [text(m.get("id")) or f"\0{line}.{place}" for place, m in enumerate(messages)]
        self._records = {n: _Record(m, line) for n, m in zip(names, messages, strict=True)}
        self._starts = []
        if before or self._made.turns:
            self._take_over(before)
        else:
            self._settle()

    def _take_over(self, before: list[Message]) -> None:
        """What is said now is in the place of `before`: equal messages stay its objects."""
        after: list[Message] = []
        for record in self._records.values():
            self._starts.append(len(after))
            after += _messages(record.value)
        keep = common_prefix(before, after)
        messages = [*before[:keep], *after[keep:]]
        if keep == len(before):
            self._made.messages = messages
        else:
            edit = Boundary.EDIT if keep == len(after) else Boundary.COMPACTION
            self._made.replace(messages, edit)

    def _rewind(self, target: str) -> None:
        """A message and all after it are taken back; all of them when it is not known."""
        self._settle()
        names = list(self._records)
        place = names.index(target) if target in self._records else 0
        if place >= len(names):
            return
        cut = self._starts[place]
        for name in names[place:]:
            del self._records[name]
        del self._starts[place:]
        self._made.replace(self._made.messages[:cut], Boundary.EDIT)

    def _settle(self) -> None:
        """Say what was recorded since the last time, and make the requests among it."""
        for record in list(self._records.values())[len(self._starts) :]:
            self._starts.append(len(self._made.messages))
            self._say(record)

    def _say(self, record: _Record) -> None:
        said = _messages(record.value)
        written_ms = epoch_ms(record.value.get("timestamp"))
        if _is_request(record.value):
            self._request(record, said[0] if said else None, written_ms)
            self._ended_ms = written_ms
        for message in said:
            self._made.say(message)
        if said:
            calls = objects(record.value.get("toolCalls"))
            answered = [ms for call in calls if (ms := epoch_ms(call.get("timestamp"))) is not None]
            self._heard_ms = max(answered, default=written_ms)

    def _request(self, record: _Record, reply: Message | None, written_ms: float | None) -> None:
        usage = summed_tokens(record.value.get("tokens"))
        self._made.request(
            line=record.line,
            response=reply,
            recorded=replace(
                usage,
                model=text(record.value.get("model")),
                latency_ms=difference_ms(self._heard_ms, written_ms),
            ),
            output_tokens=usage.completion_tokens,
            timestamp_ms=self._heard_ms,
            delay_ms=difference_ms(self._ended_ms, self._heard_ms),
        )


def _is_request(value: Mapping[str, Any]) -> bool:
    """A reply that the model gave. What a compression put in its mouth has neither model nor
    counts."""
    return value.get("type") == "gemini" and bool(value.get("tokens") or value.get("model"))


def _messages(value: Mapping[str, Any]) -> list[Message]:
    """What a record says: the user's words, or a reply with what its calls answered.

    Notes, errors and headings of the thinking are for the display: no prompt carries them.
    """
    kind = value.get("type")
    said = parts_content(parts_of(value.get("content")))
    if kind == "user":
        return [{"role": "user", "content": said}] if said else []
    if kind != "gemini":
        return []
    calls = objects(value.get("toolCalls"))
    reply = assistant("", said, [chat_call(call) for call in calls])
    return [reply, *map(_tool_answer, calls)] if reply else []


def _tool_answer(call: Mapping[str, Any]) -> Message:
    """What a call answered. One that was never run has no result."""
    results = parts_of(call.get("result")) if call.get("result") is not None else []
    answers = [response_text(mapping(r.get("functionResponse"))) for r in results]
    said = parts_content([r for r in results if "functionResponse" not in r])
    plain = "\n".join(answer for answer in answers if answer)
    call_id = text(call.get("id")) or text(call.get("name")) or ""
    return {"role": "tool", "tool_call_id": call_id, "content": plain or said or ""}
