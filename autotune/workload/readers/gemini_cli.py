"""gemini-cli's chat recordings: one document a session, or lines that write it step by step.

The shapes are those of `chatRecordingService.ts` in google-gemini/gemini-cli. In the line form a
message is written in full each time it changes, ``$set`` changes what is known of the session (its
``messages`` replace all of them), and ``$rewindTo`` takes away a message and all after it. The
system prompt and the tools are not written.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, read_objects
from autotune.workload.model import Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import mapping
from autotune.workload.readers.gemini_chat import Chat

NAME = "gemini-cli"
_TYPES = ("user", "gemini", "info", "error", "warning")
_MESSAGE = frozenset({"id", "timestamp", "type"})
_SESSION = frozenset({"sessionId", "projectHash"})


class GeminiCliReader:
    """Reads ``~/.gemini/tmp/<project>/chats/session-*.json`` and ``.jsonl``."""

    name = NAME
    description = "gemini-cli chats: ~/.gemini/tmp/*/chats/session-*.json or .jsonl"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line opens a session, changes it, or is a message of the kinds that there are."""
        if line.keys() >= _SESSION:
            return isinstance(line["sessionId"], str)
        if isinstance(line.get("$set"), dict) or isinstance(line.get("$rewindTo"), str):
            return len(line) == 1
        known = line.keys() >= _MESSAGE and line.get("type") in _TYPES
        return known and not line.keys() & {"message", "payload", "sessionId", "parentId"}

    def claims_document(self, document: Any) -> bool:
        """The document is a session with its messages."""
        known = mapping(document)
        return known.keys() >= _SESSION and isinstance(known.get("messages"), list)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The session of `file`. Its text is in memory once."""
        chat = Chat(NAME, file_hash(file.path), _folder_of(file.path))
        for number, record in _records(file, ledger):
            if not chat.add(record, number):
                ledger.add(file.name, DamageKind.WRONG_SCHEMA, number, "neither message nor change")
        session = chat.session()
        if session is not None:
            yield session


def _folder_of(path: Path) -> str | None:
    """The session that a sub-agent's file lies under: ``chats/<session>/<agent>.jsonl``."""
    return path.parent.name if path.parent.parent.name == "chats" else None


def _records(file: CaptureFile, ledger: DamageLedger) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Lines with their numbers; a document is the one record that sets everything."""
    with closing(read_objects(file, DamageLedger())) as lines:
        first = next(lines, None)
    if first is None:
        document = read_document(file, DamageLedger())
        if isinstance(document, dict):
            yield 1, document
            return
    for line in read_objects(file, ledger):
        yield line.number, line.value
