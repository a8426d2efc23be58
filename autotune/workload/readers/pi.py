"""pi sessions: version 1 as a list, 2 and 3 as a tree of ``id`` and ``parentId``.

The shapes are those of `session-manager.ts` in badlogic/pi-mono. The system prompt and the tools
are not written. ``message.timestamp`` is when a request was made, the line's when its reply was
there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import PurePath
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Boundary, Message, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.branch_path import BranchPath
from autotune.workload.readers.checks import count, difference_ms, epoch_ms, text
from autotune.workload.readers.pi_shape import (
    FAILED,
    chat_message,
    chat_reply,
    hides_thinking,
    recorded_usage,
    summary_message,
)
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "pi"
_ENTRIES: Mapping[str, str] = {
    "message": "message",
    "compaction": "summary",
    "branch_summary": "summary",
    "custom_message": "customType",
    "custom": "customType",
    "model_change": "modelId",
    "thinking_level_change": "thinkingLevel",
    "label": "targetId",
}
"""Types of lines, and the key that each of them has."""
_ROLES = ("user", "assistant", "toolResult", "bashExecution", "custom", "hookMessage")
_SUMMARIES = ("branchSummary", "compactionSummary")


class PiReader:
    """Reads ``~/.pi/agent/sessions/*/*.jsonl``."""

    name = NAME
    description = "pi sessions: ~/.pi/agent/sessions/*/*.jsonl"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line opens a session, or is an entry with a time and the key of its type."""
        kind = line.get("type")
        if not isinstance(kind, str) or not isinstance(line.get("timestamp"), str):
            return False
        if kind == "session":
            return isinstance(line.get("id"), str) and "cwd" in line
        if kind == "message":
            message = line.get("message")
            return isinstance(message, dict) and message.get("role") in (*_ROLES, *_SUMMARIES)
        key = _ENTRIES.get(kind)
        return key is not None and key in line

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The session of `file`. Its text is in memory once."""
        log: _Log | None = None
        digest = file_hash(file.path)
        for line in read_objects(file, ledger):
            if line.value.get("type") == "session" or log is None:
                yield from log.sessions() if log else ()
                log = _Log(file, ledger, digest, line.value)
            log.add(line)
        yield from log.sessions() if log else ()


class _Log:
    """A session's lines, in the order in which they were written."""

    def __init__(
        self, file: CaptureFile, ledger: DamageLedger, digest: str, header: Mapping[str, Any]
    ) -> None:
        self._file, self._ledger = file, ledger
        opens = header.get("type") == "session"
        name = text(header.get("id")) if opens else None
        parent = _session_of(header.get("parentSession", header.get("branchedFrom")))
        name = name or f"pi-{digest.rpartition(':')[2][:12]}"
        self._made = SessionBuilder(name, NAME, digest, parent, ("system", "tools"))
        self._path = BranchPath(self._made)
        self._names: list[str | None] = []
        self._ended_ms: float | None = None
        self._copied_until = epoch_ms(header.get("timestamp")) if parent and opens else None
        if parent:
            self._made.mark(Boundary.FORK)

    def add(self, line: JsonLine) -> None:
        """Take in one line; settings and labels only hold a place in the tree."""
        value = line.value
        kind = value.get("type")
        name = text(value.get("id")) if "parentId" in value else None
        if kind == "session":
            self._names.append(None)
            return
        begins = self._path.tip is None
        if name is not None and not self._path.go_to(text(value.get("parentId"))) and not begins:
            self._damage(DamageKind.MISSING_TURN, line.number, "the line it follows is not there")
        if kind == "message":
            self._message(value, line, name)
        elif kind == "compaction":
            self._compaction(value, line, name)
        else:
            said = _other(value)
            self._path.add(name, [said] if said else [])
        self._names.append(self._path.tip)

    def sessions(self) -> Iterator[Session]:
        """The session, when it made a request."""
        session = self._made.session()
        if session is not None:
            yield session

    def _damage(self, kind: DamageKind, line: int, detail: str) -> None:
        self._ledger.add(self._file.name, kind, line, detail)

    def _message(self, value: Mapping[str, Any], line: JsonLine, name: str | None) -> None:
        message = value.get("message")
        if not isinstance(message, dict) or not isinstance(message.get("role"), str):
            self._damage(DamageKind.WRONG_SCHEMA, line.number, "message: no role")
            return
        if message["role"] == "assistant":
            self._reply(message, value, line, name)
            return
        said = chat_message(message)
        self._path.add(name, [said] if said else [])

    def _reply(
        self, message: Mapping[str, Any], value: Mapping[str, Any], line: JsonLine, name: str | None
    ) -> None:
        reply = chat_reply(message)
        end_ms = epoch_ms(value.get("timestamp"))
        if not self._is_copied(end_ms):
            self._request(message, reply, line.number, end_ms)
        if hides_thinking(message):
            self._path.lose("thinking")
        self._path.add(name, [reply] if reply else [])

    def _is_copied(self, end_ms: float | None) -> bool:
        """A fork begins with lines of its parent, as they were."""
        until = self._copied_until
        return until is not None and end_ms is not None and end_ms < until

    def _request(
        self, message: Mapping[str, Any], reply: Message | None, line: int, end_ms: float | None
    ) -> None:
        sent_ms = epoch_ms(message.get("timestamp"))
        usage = recorded_usage(message.get("usage"))
        why = message.get("stopReason")
        self._made.request(
            line=line,
            response=reply,
            recorded=replace(
                usage,
                model=text(message.get("model")),
                latency_ms=difference_ms(sent_ms, end_ms),
            ),
            output_tokens=usage.completion_tokens,
            timestamp_ms=sent_ms,
            delay_ms=difference_ms(self._ended_ms, sent_ms),
            missing=self._path.lost,
            origin={"error": why} if why in FAILED else None,
        )
        self._ended_ms = end_ms

    def _compaction(self, value: Mapping[str, Any], line: JsonLine, name: str | None) -> None:
        """The summary, then what was kept: from a line that is named, or numbered in version 1."""
        summary = summary_message(value.get("summary"))
        if summary is None:
            self._damage(DamageKind.WRONG_SCHEMA, line.number, "compaction: no summary")
            self._path.add(name)
            return
        way = self._path.way()
        first = self._first_kept(value)
        kept = way[way.index(first) :] if first in way else []
        self._path.replace(name, [summary, *self._path.said_by(kept)])

    def _first_kept(self, value: Mapping[str, Any]) -> str | None:
        named, numbered = (
            text(value.get("firstKeptEntryId")),
            count(value.get("firstKeptEntryIndex")),
        )
        if named is None and numbered is not None and numbered < len(self._names):
            return self._names[numbered]
        return named


def _other(value: Mapping[str, Any]) -> Message | None:
    """What a line that is no message says to the model."""
    if value.get("type") == "custom_message":
        return chat_message({"role": "custom", "content": value.get("content")})
    return summary_message(value.get("summary")) if value.get("type") == "branch_summary" else None


def _session_of(path: Any) -> str | None:
    """The id of the session in the file at `path`: ``<time>_<id>.jsonl``."""
    known = text(path)
    if known is None:
        return None
    return PurePath(known.replace("\\", "/")).stem.rpartition("_")[2] or None
