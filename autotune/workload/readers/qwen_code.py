"""Qwen Code's chat recordings: one record a line, in a tree of ``uuid`` and ``parentUuid``.

The shapes are those of `chatRecordingService.ts` in QwenLM/qwen-code: Gemini's ``Content`` in
``message``, ``usageMetadata`` beside it. A compression is a ``system`` record that holds the whole
new history. Sub-agents have records of their own (``agentId``), often in a file of their own, which
begins with their history, system prompt and tools.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Boundary, Message, Recorded, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.branch_path import BranchPath
from autotune.workload.readers.checks import difference_ms, epoch_ms, mapping, text
from autotune.workload.readers.gemini_shape import (
    chat_tools,
    content_messages,
    model_reply,
    parts_content,
    parts_of,
    summed_tokens,
    thought_text,
    usage_metadata,
)
from autotune.workload.readers.rebuild import SessionBuilder

NAME = "qwen-code"
_KEYS = frozenset({"uuid", "parentUuid", "sessionId", "timestamp", "type"})
_TYPES = ("user", "assistant", "tool_result", "system")
_Key = tuple[str, str | None]


class QwenCodeReader:
    """Reads ``~/.qwen/**/chats/*.jsonl``."""

    name = NAME
    description = "Qwen Code chat recordings: ~/.qwen/**/chats/*.jsonl, sub-agents included"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is a record with a Gemini ``Content``, or with a payload of the system."""
        if not line.keys() >= _KEYS or line["type"] not in _TYPES:
            return False
        has_parts = isinstance(mapping(line.get("message")).get("parts"), list)
        return has_parts or "systemPayload" in line or "usageMetadata" in line

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversations of `file`, as they begin. Their text is in memory once."""
        digest = file_hash(file.path)
        agent = _agent_of(file.path.name)
        found: dict[_Key, _Chat] = {}
        for line in read_objects(file, ledger):
            session_id = text(line.value.get("sessionId"))
            if session_id is None or not isinstance(line.value.get("type"), str):
                detail = "no sessionId or type"
                ledger.add(file.name, DamageKind.WRONG_SCHEMA, line.number, detail)
                continue
            key = session_id, text(line.value.get("agentId")) or agent
            chat = found.get(key)
            if chat is None:
                chat = found[key] = _Chat.begin(key, digest)
            if not chat.add(line):
                detail = "the record it follows is not there"
                ledger.add(file.name, DamageKind.MISSING_TURN, line.number, detail)
        for chat in found.values():
            session = chat.made.session()
            if session is not None:
                yield session


def _agent_of(name: str) -> str | None:
    """The sub-agent whose file this is: ``agent-<id>.jsonl``; its records name the main session."""
    stem = name.partition(".")[0]
    return stem.removeprefix("agent-") if stem.startswith("agent-") else None


@dataclass(slots=True)
class _Chat:
    """One conversation: of a session, or of a sub-agent of it."""

    made: SessionBuilder
    path: BranchPath
    heard_ms: float | None = None
    ended_ms: float | None = None
    copied: bool = False
    lacking: tuple[str, ...] = ("system", "tools")

    @classmethod
    def begin(cls, key: _Key, digest: str) -> _Chat:
        session_id, agent = key
        if agent is None:
            made = SessionBuilder(session_id, NAME, digest)
        else:
            made = SessionBuilder(f"{session_id}/{agent}", NAME, digest, session_id)
            made.mark(Boundary.SUBAGENT)
        return cls(made, BranchPath(made))

    def add(self, line: JsonLine) -> bool:
        """Take in one record; whether the one that it follows was there."""
        value = line.value
        begins = self.path.tip is None
        known = self.path.go_to(text(value.get("parentUuid"))) or begins
        self._fork(mapping(value.get("forkedFrom")))
        name, kind = text(value.get("uuid")), value["type"]
        now_ms = epoch_ms(value.get("timestamp"))
        if kind == "assistant":
            self._reply(value, line.number, name, now_ms)
        elif kind == "system":
            self._system(value, name)
        else:
            self.path.add(name, content_messages(value.get("message")))
            self.heard_ms = now_ms
        return known

    def _fork(self, source: Mapping[str, Any]) -> None:
        """A fork begins with records of the session it came from, each of them marked."""
        self.copied = bool(source)
        if self.copied and self.made.parent is None:
            self.made.parent = text(source.get("sessionId"))
            self.made.mark(Boundary.FORK)

    def _reply(
        self, value: Mapping[str, Any], line: int, name: str | None, now_ms: float | None
    ) -> None:
        """A reply ends when it is written; its request went out when its last input was there."""
        parts = parts_of(mapping(value.get("message")).get("parts"))
        reply = model_reply(parts)
        usage = replace(_usage(value.get("usageMetadata")), model=text(value.get("model")))
        if not self.copied:
            self._request(usage, reply, line, now_ms)
        if usage.reasoning_tokens and not thought_text(parts):
            self.path.lose("thinking")
        self.ended_ms = self.heard_ms = now_ms
        self.path.add(name, [reply] if reply else [])

    def _request(
        self, usage: Recorded, reply: Message | None, line: int, now_ms: float | None
    ) -> None:
        self.made.request(
            line=line,
            response=reply,
            recorded=replace(usage, latency_ms=difference_ms(self.heard_ms, now_ms)),
            output_tokens=usage.completion_tokens,
            timestamp_ms=self.heard_ms,
            delay_ms=difference_ms(self.ended_ms, self.heard_ms),
            missing=(*self.lacking, *self.path.lost),
        )

    def _system(self, value: Mapping[str, Any], name: str | None) -> None:
        payload = mapping(value.get("systemPayload"))
        subtype = value.get("subtype")
        if subtype == "chat_compression" and isinstance(payload.get("compressedHistory"), list):
            self.path.replace(name, _history(payload["compressedHistory"]))
        elif subtype == "agent_bootstrap":
            self._bootstrap(payload, name)
        elif subtype in ("mid_turn_user_message", "notification", "cron"):
            self.path.add(name, content_messages(value.get("message")))
        else:
            self.path.add(name)

    def _bootstrap(self, payload: Mapping[str, Any], name: str | None) -> None:
        """What a sub-agent begins with: here its system prompt and tools are written down."""
        system = parts_content(parts_of(mapping(payload.get("systemInstruction")).get("parts")))
        said = _history(payload.get("history"))
        if system:
            said.insert(0, {"role": "system", "content": system})
            self.lacking = tuple(what for what in self.lacking if what != "system")
        tools = chat_tools(payload.get("tools"))
        if tools and all("description" in tool["function"] for tool in tools):
            self.made.tools = tools
            self.lacking = tuple(what for what in self.lacking if what != "tools")
        self.path.add(name, said)


def _history(contents: Any) -> list[Message]:
    items = contents if isinstance(contents, list) else []
    return [message for content in items for message in content_messages(content)]


def _usage(usage: Any) -> Recorded:
    """Counts under Gemini's names; the first versions used gemini-cli's."""
    known = usage_metadata(usage)
    return known if known.prompt_tokens is not None else summed_tokens(usage)
