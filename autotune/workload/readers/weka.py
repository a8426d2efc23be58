"""Traces of the kv-cache-tester: one conversation of a coding agent a document, hashed blocks.

Times are seconds since the conversation began; those inside a sub-agent count from its own start.
``think_time`` is the idle time before a request, ``api_time`` how long its answer took and ``ttft``
the first token's share of that. Only whole blocks are hashed. The first ``tool_tokens`` and
``system_tokens`` of a prompt are the system message.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Recorded, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.traces.layouts import Layouts
from autotune.workload.traces.rows import (
    TraceRow,
    block_ids,
    milliseconds,
    span_ms,
    split_blocks,
    token_count,
)
from autotune.workload.traces.text import TraceText
from autotune.workload.traces.threads import Thread, sessions_of

NAME = "weka"
BLOCK_TOKENS = 64
_SECOND = 1000.0
_KEYS = frozenset({"block_size", "hash_id_scope", "requests"})
_MOST_BLOCK_TOKENS = 65536


class WekaReader:
    """Reads ``trace_*.json`` of the kv-cache-tester."""

    name = NAME
    description = "kv-cache-tester traces: block_size, hash_id_scope and requests, no text"

    def claims_document(self, document: Any) -> bool:
        """The document has a block size, the scope of its ids, and requests."""
        return (
            isinstance(document, dict)
            and document.keys() >= _KEYS
            and isinstance(document["requests"], list)
        )

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The conversation, then its sub-agents in the order they started."""
        document = read_document(file, ledger)
        if not self.claims_document(document):
            return
        trace = _Trace(document, file, ledger)
        trace.read()
        yield from trace.sessions()


@dataclass(frozen=True, slots=True)
class _Agent:
    """The conversation or a sub-agent of it; `start_ms` is where its clock begins."""

    thread: Thread
    start_ms: float
    system_tokens: int | None


class _Trace:
    """One document on its way to sessions."""

    def __init__(
        self, document: Mapping[str, Any], file: CaptureFile, ledger: DamageLedger
    ) -> None:
        self._document = document
        self._file = file
        self._ledger = ledger
        size = token_count(document.get("block_size"))
        self._size = size if size and size <= _MOST_BLOCK_TOKENS else BLOCK_TOKENS
        named = document.get("id")
        self._id = named if isinstance(named, str) and named else file_hash(file.path)[:23]
        self._rows: list[TraceRow] = []
        self._agents: list[_Agent] = []
        self._agent_of: list[_Agent] = []

    def read(self) -> None:
        """Every request, those of a sub-agent where it was started."""
        main = _Agent(Thread(self._id), 0.0, _system_tokens(self._document))
        self._agents.append(main)
        stack = [(main, iter(enumerate(self._document["requests"], start=1)))]
        while stack:
            agent, entries = stack[-1]
            number, entry = next(entries, (0, None))
            if not number:
                stack.pop()
            elif not isinstance(entry, dict):
                self._wrong(number, "no object")
            elif entry.get("type") == "subagent":
                sub = self._subagent(agent, entry)
                inner = entry.get("requests")
                stack.append((sub, iter(enumerate(inner if isinstance(inner, list) else [], 1))))
            else:
                self._request(agent, number, entry)

    def sessions(self) -> Iterator[Session]:
        """One session an agent that made a request."""
        layouts = Layouts(self._rows, self._size)
        before: dict[int, int] = {}
        for index, agent in enumerate(self._agent_of):
            last = before.get(id(agent))
            layouts.lay(index, last, layouts.insert(index), agent.system_tokens)
            before[id(agent)] = index
        threads = [agent.thread for agent in self._agents]
        scope = "global" if self._document.get("hash_id_scope") == "global" else self._id
        text = TraceText(f"{NAME}/{scope}", self._size, self._rows)
        origin = {"format": NAME, "file": file_hash(self._file.path)}
        yield from sessions_of(threads, self._rows, layouts.of, text, origin)

    def _wrong(self, number: int, detail: str) -> None:
        self._ledger.add(self._file.name, DamageKind.WRONG_SCHEMA, 0, f"request {number}: {detail}")

    def _subagent(self, parent: _Agent, entry: Mapping[str, Any]) -> _Agent:
        named = entry.get("agent_id")
        name = named if isinstance(named, str) and named else f"agent-{len(self._agents)}"
        thread = Thread(f"{self._id}:{name}", parent=parent.thread.session_id)
        thread.first_boundary = Boundary.SUBAGENT
        start = parent.start_ms + (milliseconds(entry.get("t"), _SECOND) or 0.0)
        agent = _Agent(thread, start, _system_tokens(entry))
        self._agents.append(agent)
        return agent

    def _request(self, agent: _Agent, number: int, entry: Mapping[str, Any]) -> None:
        tokens = token_count(entry.get("in"))
        ids = block_ids(entry.get("hash_ids") or [])
        blocks = split_blocks(ids, tokens, self._size) if tokens and ids is not None else None
        if not tokens or blocks is None:
            self._wrong(number, "no prompt length, or ids that do not fit it")
            return
        agent.thread.rows.append(len(self._rows))
        self._agent_of.append(agent)
        before = self._rows[agent.thread.rows[-2]] if len(agent.thread.rows) > 1 else None
        sent = milliseconds(entry.get("t"), _SECOND)
        sent = None if sent is None else agent.start_ms + sent
        self._rows.append(
            TraceRow(
                line=len(self._rows) + 1,
                input_tokens=tokens,
                output_tokens=token_count(entry.get("out")),
                full=blocks[0],
                partial=blocks[1],
                timestamp_ms=sent,
                delay_ms=_delay_ms(before, sent, span_ms(entry.get("think_time"), _SECOND)),
                recorded=_recorded(entry, tokens),
            )
        )


def _system_tokens(part: Mapping[str, Any]) -> int | None:
    """Tools and system prompt of the conversation or of a sub-agent, where both are told."""
    tools, system = token_count(part.get("tool_tokens")), token_count(part.get("system_tokens"))
    return None if tools is None or system is None else tools + system or None


def _delay_ms(
    before: TraceRow | None, sent_ms: float | None, think_ms: float | None
) -> float | None:
    """Idle time since the reply before; unknown where that has no end.

    The trace's own ``think_time`` where there is one: it counts from the last reply that ended,
    which is another request when the one before was cut off.
    """
    if before is None or before.recorded.latency_ms is None:
        return None
    if think_ms is not None:
        return think_ms
    if before.timestamp_ms is None or sent_ms is None:
        return None
    idle = sent_ms - before.timestamp_ms - before.recorded.latency_ms
    return idle if idle >= 0 else None


def _recorded(entry: Mapping[str, Any], tokens: int) -> Recorded:
    model = entry.get("model")
    return Recorded(
        prompt_tokens=tokens,
        completion_tokens=token_count(entry.get("out")),
        ttft_ms=span_ms(entry.get("ttft"), _SECOND),
        latency_ms=span_ms(entry.get("api_time"), _SECOND),
        model=model if isinstance(model, str) else None,
    )
