"""opencode sessions: ``opencode export`` documents and the lines of ``opencode run --format json``.

Both hold the conversation and the token counts of each step, and neither the system prompt nor the
tools. Lines of a run do not hold the prompt either, in versions before the ``user`` event.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, read_objects
from autotune.workload.model import Boundary, Message, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import difference_ms, epoch_ms, mapping, objects, text
from autotune.workload.readers.message_store import MessageStore
from autotune.workload.readers.names import name_of
from autotune.workload.readers.opencode_shape import (
    Answer,
    Step,
    compaction_of,
    recorded_of,
    steps_of,
    user_message,
)
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "opencode"
_EVENTS = frozenset({"step_start", "step_finish", "text", "reasoning", "tool_use"})
_LINE_KEYS = frozenset({"type", "timestamp", "sessionID"})


class OpenCodeReader:
    """Reads exported sessions and the JSON output of runs."""

    name = NAME
    description = "opencode: 'opencode export' documents, 'opencode run --format json' output"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is an event of a run: a part of a session."""
        if not line.keys() >= _LINE_KEYS:
            return False
        kind = line["type"]
        return isinstance(kind, str) and kind in _EVENTS and isinstance(line.get("part"), dict)

    def claims_document(self, document: Any) -> bool:
        """The document is a session with messages in opencode's envelope."""
        known = mapping(document)
        messages = objects(known.get("messages"))
        session = mapping(known.get("info"))
        return text(session.get("id")) is not None and any(_is_message(m) for m in messages)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The exported session, or every session of a run's output."""
        with closing(read_objects(file, DamageLedger())) as lines:
            first = next(lines, None)
        is_lines = first is not None and first.value.keys() >= _LINE_KEYS
        document = None if is_lines else read_document(file, DamageLedger())
        if not self.claims_document(document):
            yield from _from_lines(file, ledger)
            return
        known = mapping(document)
        session = _Conversation(file, ledger, mapping(known.get("info"))).exported(known)
        if session is not None:
            yield session


def _is_message(message: Mapping[str, Any]) -> bool:
    info = mapping(message.get("info"))
    return info.get("role") in ("user", "assistant") and isinstance(message.get("parts"), list)


@dataclass(slots=True, eq=False)
class _Said:
    """A message of the conversation, the id of the opencode message it came from, and its end."""

    source: str | None
    message: Message
    answer: Answer | None = None


class _Conversation:
    """One session being put together."""

    def __init__(self, file: CaptureFile, ledger: DamageLedger, info: Mapping[str, Any]) -> None:
        self._file = file
        self._ledger = ledger
        digest = file_hash(file.path)
        session_id = name_of(info.get("id")) or f"{NAME}-{digest[7:19]}"
        parent = name_of(info.get("parentID"))
        self.builder = SessionBuilder(session_id, NAME, digest, parent, ("system", "tools"))
        if parent:
            self.builder.mark(Boundary.SUBAGENT)
        self._store = MessageStore()
        self._said: list[_Said] = []
        self._pruned: list[_Said] = []
        self._ended_ms: float | None = None
        self._compaction: tuple[str | None, Mapping[str, Any]] | None = None

    def exported(self, document: Mapping[str, Any]) -> Session | None:
        """The session of an exported document."""
        messages = document["messages"]
        for number, message in enumerate(messages, start=1):
            if isinstance(message, Mapping) and _is_message(message):
                self._add(message, number)
            else:
                self._ledger.add(
                    self._file.name, DamageKind.WRONG_SCHEMA, number, "messages: no message"
                )
        return self.builder.session()

    def _add(self, message: Mapping[str, Any], number: int) -> None:
        info, parts = mapping(message.get("info")), objects(message.get("parts"))
        source = text(info.get("id"))
        if info["role"] == "user":
            self.hear(user_message(parts), source)
            asked = compaction_of(parts)
            self._compaction = self._compaction if asked is None else (source, asked)
            return
        start_ms = epoch_ms(mapping(info.get("time")).get("created"))
        steps = steps_of(parts, start_ms)
        if len(steps) == 1 and not steps[0].tokens:
            steps[0].tokens = mapping(info.get("tokens"))
        failed = info.get("error") is not None
        for step in steps:
            self.ask(step, name_of(info.get("modelID")), number, source, failed=failed)
        if info.get("summary") is True and not failed:
            self._compact(source)

    def _own(self, message: Message) -> Message:
        """The store's own object: equal messages are the same one, whatever came between."""
        return self._store.message(message).message

    def hear(self, message: Message | None, source: str | None) -> None:
        """What the user says."""
        if message is not None:
            self._said.append(_Said(source, self._own(message)))

    def ask(
        self, step: Step, model: str | None, number: int, source: str | None, *, failed: bool
    ) -> None:
        """One request, then what it brought: the next prompts carry it unless it failed."""
        self._prune(step.start_ms)
        recorded = recorded_of(step.tokens, model)
        self.builder.messages = [said.message for said in self._said]
        self.builder.request(
            line=0,
            response=step.message,
            recorded=recorded,
            output_tokens=recorded.completion_tokens,
            timestamp_ms=step.start_ms,
            delay_ms=difference_ms(self._ended_ms, step.start_ms),
            origin={"message": number},
        )
        self._ended_ms = step.end_ms
        if step.message is None or (failed and not step.answers):
            return
        self._said.append(_Said(source, self._own(step.message)))
        for answer in step.answers:
            said = _Said(source, self._own(answer.message), answer)
            self._said.append(said)
            if answer.cleared_ms is not None:
                self._pruned.append(said)

    def _prune(self, now_ms: float | None) -> None:
        """Results that were cleared by now stand in the prompt as cleared."""
        if now_ms is None or not self._pruned:
            return
        due = [said for said in self._pruned if _cleared(said, now_ms)]
        for said in due:
            if said.answer is not None:
                said.message = self._own(said.answer.cleared)
        if due:
            self._pruned = [said for said in self._pruned if not _cleared(said, now_ms)]
            self.builder.mark(Boundary.EDIT)

    def _compact(self, source: str | None) -> None:
        """What asked for the summary, the summary, and the messages kept are all that is left."""
        asked_by, asked = self._compaction or (source, {})
        around = (asked_by, source)
        summary = [said for said in self._said if said.source in around]
        first = text(asked.get("tail_start_id"))
        kept: list[_Said] = []
        if first is not None:
            at = next((i for i, said in enumerate(self._said) if said.source == first), None)
            tail = self._said[at:] if at is not None else []
            kept = [said for said in tail if said.source not in around]
        self._said = [*summary, *kept]
        left = {id(said) for said in self._said}
        self._pruned = [said for said in self._pruned if id(said) in left]
        self._compaction = None
        self.builder.mark(Boundary.COMPACTION)


def _cleared(said: _Said, now_ms: float) -> bool:
    cleared_ms = said.answer.cleared_ms if said.answer else None
    return cleared_ms is not None and cleared_ms <= now_ms


@dataclass(slots=True)
class _Run:
    """The steps of one session of a run's output, as its lines come."""

    conversation: _Conversation
    step: Step | None = None
    heard: bool = False


def _from_lines(file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
    """Every session of a run's output; a step that was not finished is a request all the same."""
    runs: dict[str, _Run] = {}
    for line in read_objects(file, ledger):
        session_id = name_of(line.value.get("sessionID"))
        if session_id is None:
            ledger.add(file.name, DamageKind.WRONG_SCHEMA, line.number, "sessionID: not a text")
            continue
        if session_id not in runs:
            runs[session_id] = _Run(_Conversation(file, ledger, {"id": session_id}))
        _event(runs[session_id], line.value, line.number)
    for run in runs.values():
        _finish(run, 0)
        session = run.conversation.builder.session()
        if session is not None:
            yield session


def _event(run: _Run, event: Mapping[str, Any], number: int) -> None:
    kind, part = event.get("type"), mapping(event.get("part"))
    if kind == "user":
        run.conversation.hear(user_message(objects(event.get("parts"))), None)
        run.heard = True
    elif kind == "step_start":
        _finish(run, number)
        run.step = Step(epoch_ms(event.get("timestamp")))
    elif kind == "step_finish":
        step = run.step = run.step or Step()
        step.tokens = mapping(part.get("tokens"))
        _finish(run, number)
    elif kind in ("text", "reasoning", "tool_use"):
        run.step = run.step or Step()
        run.step.parts.append(part)


def _finish(run: _Run, number: int) -> None:
    """The step that is open is complete. A run that does not tell its prompt had one."""
    if run.step is None:
        return
    if not run.heard:
        run.heard = True
        run.conversation.builder.missing = ("system", "tools", "prompt")
        run.conversation.hear({"role": "user", "content": ""}, None)
    run.conversation.ask(run.step, None, number, None, failed=False)
    run.step = None
