"""Cline conversations: the extension's ``api_conversation_history.json`` and the session files.

Session files (``~/.cline/data/sessions/<id>/<id>.messages.json``) follow Cline's published contract
version 1: ``version, sessionId, messages``, and the system prompt in newer ones. The extension
keeps a bare list of messages. Both hold Anthropic messages, once each, whole: what a truncation or
a compaction left out of later prompts is told by a file beside them (`cline_records`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Message, Recorded, Session
from autotune.workload.readers.anthropic_shape import chat_message, lost_thinking
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import difference_ms, epoch_ms, mapping, text
from autotune.workload.readers.cline_records import (
    KEPT_FROM_THE_START,
    CompactionState,
    UiLog,
    metrics_of,
)
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "cline"
_ROLES = ("user", "assistant")
_HISTORY = "api_conversation_history.json"
_MARKS = ("<task>", "<environment_details>")
_LOOKED_AT = 20


class ClineReader:
    """Reads both files that Cline keeps of a conversation."""

    name = NAME
    description = "Cline conversations: *.messages.json, api_conversation_history.json"

    def claims_document(self, document: Any) -> bool:
        """A session file by its keys; a bare list by what only Cline writes into messages."""
        if isinstance(document, Mapping):
            has_keys = type(document.get("version")) is int and text(document.get("sessionId"))
            return bool(has_keys) and _are_messages(document.get("messages"))
        return _are_messages(document) and any(map(_is_clines, document[:_LOOKED_AT]))

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The one session of `file`."""
        document = read_document(file, ledger)
        if not self.claims_document(document):
            ledger.add(file.name, DamageKind.WRONG_SCHEMA, 0, "no Cline conversation")
            return
        head = mapping(document)
        messages = document if isinstance(document, list) else head["messages"]
        conversation = _Conversation(file, ledger, _builder(file, head), messages)
        session = conversation.session()
        if session is not None:
            yield session


def _are_messages(value: Any) -> bool:
    looked_at = value[:_LOOKED_AT] if isinstance(value, list) else []
    return bool(looked_at) and all(
        isinstance(m, Mapping) and m.get("role") in _ROLES and isinstance(m.get("content"), list)
        for m in looked_at
    )


def _is_clines(message: Mapping[str, Any]) -> bool:
    """Whether the extension wrote it: the model beside it, or its own tags in the text."""
    if {"modelId", "providerId"} <= mapping(message.get("modelInfo")).keys():
        return True
    texts = [b.get("text") for b in message["content"] if isinstance(b, Mapping)]
    return any(isinstance(said, str) and any(m in said for m in _MARKS) for said in texts)


def _builder(file: CaptureFile, head: Mapping[str, Any]) -> SessionBuilder:
    system = text(head.get("system_prompt"))
    session_id, folder = text(head.get("sessionId")), file.path.parent.name
    is_agent = session_id is not None and head.get("agent") == "subagent" and folder != session_id
    own_name = folder if file.path.name.startswith(_HISTORY) else file.path.name.partition(".")[0]
    made = SessionBuilder(
        session_id=session_id or f"{NAME}-{own_name}",
        format=NAME,
        file_digest=file_hash(file.path),
        parent=folder if is_agent else None,
        missing=("tools",) if system else ("system", "tools"),
    )
    if system:
        made.say({"role": "system", "content": system})
    if head.get("agent") == "subagent":
        made.mark(Boundary.SUBAGENT)
    return made


def _beside(file: CaptureFile, name: str) -> Any:
    """The document `name` in the folder of `file`; ``None`` where there is none to be read."""
    path: Path = file.path.with_name(name)
    return read_document(CaptureFile(path, name), DamageLedger()) if path.is_file() else None


@dataclass(slots=True)
class _Conversation:
    """A stored list of messages, turned into requests one reply at a time."""

    file: CaptureFile
    ledger: DamageLedger
    made: SessionBuilder
    stored: Sequence[Any]
    _shaped: list[list[Message]] = field(default_factory=list)
    _left_out: tuple[int, int] | None = None
    _asked_from: int = 0
    _sent_ms: float | None = None
    _end_ms: float | None = None
    _unmeasured: bool = False
    _lost: bool = False

    def session(self) -> Session | None:
        """Every reply is a request over what was in its prompt.

        A reply that follows another at once goes on with it.
        """
        ui = UiLog.of(_beside(self.file, "ui_messages.json"))
        stem = self.file.path.name.removesuffix(".gz").removesuffix(".messages.json")
        state = CompactionState.of(_beside(self.file, f"{stem}.compaction.json"))
        for place, message in enumerate(self.stored):
            is_reply = mapping(message).get("role") == "assistant"
            if is_reply and place > self._asked_from:
                self._edit(place, ui, state)
                self._request(place, message, ui)
            self._take(place, message, is_reply=is_reply)
        return self.made.session()

    def _take(self, place: int, message: Any, *, is_reply: bool) -> None:
        """Add a stored message to the conversation; one of another shape is damage."""
        shaped: list[Message] = []
        with self.ledger.checked(self.file.name, place + 1):
            shaped = list(chat_message(message))
        self._shaped.append(shaped)
        for said in shaped:
            self.made.say(said)
        kept = mapping(message)
        self._lost = self._lost or lost_thinking(kept.get("content"))
        if is_reply:
            self._asked_from, self._end_ms = place + 1, epoch_ms(kept.get("ts"))
        else:
            self._sent_ms = epoch_ms(kept.get("ts"))
            self._unmeasured = self._unmeasured and _answers_tools(kept)

    def _edit(self, place: int, ui: UiLog, state: CompactionState | None) -> None:
        """Take out of the prompt what was not in it."""
        left_out = ui.left_out(place - 1)
        if left_out != self._left_out:
            self._left_out = left_out
            after = max(KEPT_FROM_THE_START, left_out[1] + 1 if left_out else 0)
            self._replace(self._shaped[:KEPT_FROM_THE_START], after, Boundary.EDIT)
        elif state is not None and self._asked_from <= state.replaces <= place:
            self._replace(self._compacted(state), state.replaces, Boundary.COMPACTION)

    def _compacted(self, state: CompactionState) -> list[list[Message]]:
        shaped: list[list[Message]] = []
        for message in state.messages:
            with self.ledger.checked(self.file.name, within="compaction"):
                shaped.append(list(chat_message(message)))
        return shaped

    def _replace(self, head: list[list[Message]], after: int, boundary: Boundary) -> None:
        system = self.made.messages[:1] if "system" not in self.made.missing else []
        rest = self._shaped[after:]
        self.made.replace([*system, *chain.from_iterable([*head, *rest])], boundary)

    def _request(self, place: int, message: Any, ui: UiLog) -> None:
        started = ui.request(self._asked_from - 1, place)
        recorded = self._recorded(metrics_of(message))
        sent_ms = self._sent_ms
        if started is not None:
            sent_ms = sent_ms if sent_ms is not None else started.time_ms
            if recorded.prompt_tokens is None:
                recorded = replace(started.recorded, model=recorded.model)
        self.made.request(
            line=place + 1,
            response=_reply(message),
            recorded=replace(
                recorded, latency_ms=difference_ms(sent_ms, epoch_ms(message.get("ts")))
            ),
            output_tokens=recorded.completion_tokens,
            timestamp_ms=sent_ms,
            delay_ms=difference_ms(self._end_ms, sent_ms),
            missing=("thinking",) if self._lost else (),
        )

    def _recorded(self, metrics: Recorded) -> Recorded:
        """The counts of one request: where the replies before it in its run have none, the last
        has the sum of the run."""
        if metrics.prompt_tokens is None:
            self._unmeasured = True
            return metrics
        sums, self._unmeasured = self._unmeasured, False
        return Recorded(model=metrics.model) if sums else metrics


def _answers_tools(message: Mapping[str, Any]) -> bool:
    """Whether a user message goes on with a run: it holds tool results."""
    content = message.get("content")
    blocks = content if isinstance(content, list) else []
    return any(isinstance(b, Mapping) and b.get("type") == "tool_result" for b in blocks)


def _reply(message: Mapping[str, Any]) -> Message | None:
    try:
        return chat_message(message)[0]
    except ValueError:
        return None
