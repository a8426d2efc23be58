"""Codex rollouts, CLI and Desktop: the conversation once, requests put together again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import epoch_ms, mapping, text
from autotune.workload.readers.codex_lines import (
    ThreadMeta,
    is_bare,
    is_bare_meta,
    is_enveloped,
    thread_meta,
)
from autotune.workload.readers.codex_thread import Thread

NAME = "codex"
_NOBODY = ThreadMeta(None)


class CodexReader:
    """Reads ``rollout-*.jsonl``, with and without envelope, and the ``.json`` of the first ones."""

    name = NAME
    description = "Codex CLI and Desktop rollouts: sessions/YYYY/MM/DD/rollout-*.jsonl[.zst]"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is one of a rollout, by its envelope or its item."""
        return is_enveloped(line) or is_bare(line)

    def claims_document(self, document: Any) -> bool:
        """The document is a rollout of the first Codex CLI: ``{session, items}``."""
        known = mapping(document)
        return is_bare_meta(mapping(known.get("session"))) and isinstance(known.get("items"), list)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The thread of `file`; several where rollouts were joined into one file.

        The text of one thread is in memory at a time.
        """
        rollout = _Rollout(file, ledger, file_hash(file.path))
        for line in self._lines(file, ledger):
            yield from rollout.add(line)
        yield from rollout.finish()

    def _lines(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[JsonLine]:
        """Lines as they stand; those of a document as later versions would have written them."""
        with closing(read_objects(file, DamageLedger())) as lines:
            first = next(lines, None)
        whole = first.value if first else read_document(file, DamageLedger())
        if not self.claims_document(whole):
            yield from read_objects(file, ledger)
            return
        for number, item in enumerate([whole["session"], *whole["items"]]):
            if isinstance(item, dict):
                yield JsonLine(number, item)
            else:
                ledger.add(file.name, DamageKind.NOT_AN_OBJECT, number, type(item).__name__)


class _Rollout:
    """A file's lines, given to the thread that they belong to."""

    def __init__(self, file: CaptureFile, ledger: DamageLedger, digest: str) -> None:
        self._file = file
        self._ledger = ledger
        self._digest = digest
        self._thread: Thread | None = None

    def add(self, line: JsonLine) -> Iterator[Session]:
        """Take in one line; a session comes out when the next one of the file begins."""
        value = line.value
        payload, kind = value.get("payload"), value.get("type")
        if isinstance(payload, dict) and isinstance(kind, str):
            if kind == "session_meta":
                yield from self._meta(payload)
            self._enveloped(kind, payload, line)
        elif is_bare_meta(value):
            yield from self._meta(value)
        elif isinstance(kind, str) and payload is None:
            self._known().item(value, line.number, None)
        elif "record_type" not in value:
            self._ledger.add(self._file.name, DamageKind.WRONG_SCHEMA, line.number, "no payload")

    def finish(self) -> Iterator[Session]:
        """The last session."""
        session = self._thread.session() if self._thread else None
        if session is not None:
            yield session

    def _known(self) -> Thread:
        """The thread in hand; one without a name where the first line is lost."""
        if self._thread is None:
            self._thread = Thread(_NOBODY, NAME, self._digest)
        return self._thread

    def _meta(self, payload: dict[str, Any]) -> Iterator[Session]:
        """The first of a thread counts: repetitions and the parent's, copied, say nothing new."""
        thread = self._thread
        if thread is not None:
            known = (None, thread.meta.session_id, thread.meta.parent)
            if text(payload.get("id")) in known or thread.copying or thread.meta is _NOBODY:
                return
            yield from self.finish()
        self._thread = Thread(thread_meta(payload), NAME, self._digest)

    def _enveloped(self, kind: str, payload: dict[str, Any], line: JsonLine) -> None:
        thread = self._known()
        if thread.copying:
            thread.note_time(epoch_ms(line.value.get("timestamp")))
        if kind == "response_item":
            self._item(thread, payload, line)
        elif kind == "event_msg":
            _event(thread, payload)
        elif kind == "turn_context":
            model = text(payload.get("model"))
            if model is not None:
                thread.model(model)
        elif kind == "compacted":
            thread.compacted(payload, epoch_ms(line.value.get("timestamp")))
        elif kind == "inter_agent_communication":
            self._item(thread, {**payload, "type": "agent_message"}, line)

    def _item(self, thread: Thread, item: dict[str, Any], line: JsonLine) -> None:
        if isinstance(item.get("type"), str):
            thread.item(item, line.number, epoch_ms(line.value.get("timestamp")))
        else:
            self._ledger.add(self._file.name, DamageKind.WRONG_SCHEMA, line.number, "item: no type")


def _event(thread: Thread, payload: dict[str, Any]) -> None:
    """Events are the display's copy of what was said; few say more."""
    kind = payload.get("type")
    if kind == "token_count":
        thread.token_count(payload)
    elif kind == "task_started" or kind == "turn_started":
        thread.task_started()
    elif kind == "task_complete" or kind == "turn_complete":
        thread.task_complete(payload)
    elif kind == "user_message":
        thread.user_message()
    elif kind == "thread_rolled_back":
        thread.rolled_back(payload)
