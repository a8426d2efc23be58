"""agentperf-local replay traces: the whole prompt of every model call, with recorded counts.

A row (version 1) is ``{turn_id, task_id, conversation_id, conversation_idx, messages, tools,
target_output_tokens, recorded_prompt_tokens, recorded_model_duration_ms,
simulated_tool_delay_ms_after, ...}``. It has no time of day; the idle time is told by the row
before. A harness may put a countdown at the end of every prompt, so none quite extends another.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Recorded, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import count, mapping, objects, span_ms, text
from autotune.workload.readers.logged import Conversation, LoggedRequest
from autotune.workload.readers.openai_shape import chat_messages, chat_tools
from autotune.workload.readers.threads import RequestLog

NAME = "agentperf"
REPLAY_MODE = "single_user_agentic_replay"
"""``mode`` in the ``manifest.json`` of a workload."""

_KEYS = frozenset({"turn_id", "conversation_id", "conversation_idx", "messages"})


class AgentPerfReader:
    """Reads trace files: ``traces/<task>.jsonl``."""

    name = NAME
    description = "agentperf-local replay traces: traces/<task>.jsonl beside a manifest.json"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line has the ids and the prompt of a row."""
        return line.keys() >= _KEYS and isinstance(line["messages"], list)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """One session a conversation, its turns by their index, whatever the order of the lines."""
        trace = _Trace(RequestLog(NAME, file_hash(file.path)))
        for line in read_objects(file, ledger):
            with ledger.checked(file.name, line.number):
                kind = trace.add(line)
                if kind is not None:
                    ledger.add(file.name, kind, line.number)
        for line_number, detail in trace.gaps():
            ledger.add(file.name, DamageKind.MISSING_TURN, line_number, detail)
        yield from trace.log.sessions()


@dataclass(slots=True)
class _Trace:
    """The rows of one file; for each conversation the line of each index."""

    log: RequestLog
    lines: dict[str, dict[int, int]] = field(default_factory=dict)

    def add(self, line: JsonLine) -> DamageKind | None:
        """Take in a row; an index that was there already is damage. Raises `ValueError`."""
        request = _request(line)
        name = request.conversation.name if request.conversation else ""
        known = self.lines.setdefault(name, {})
        if request.place is None or request.place in known:
            return DamageKind.TURN_OUT_OF_ORDER
        self.log.add(request)
        known[request.place] = line.number
        return None

    def gaps(self) -> Iterator[tuple[int, str]]:
        """The line after each gap in a conversation, and which turn is not there."""
        for known in self.lines.values():
            expected = 0
            for place in sorted(known):
                if place != expected:
                    yield known[place], f"turn {expected} expected, {place} found"
                expected = place + 1


def _request(line: JsonLine) -> LoggedRequest:
    row = line.value
    name, place = text(row.get("conversation_id")), count(row.get("conversation_idx"))
    if name is None or place is None:
        raise ValueError("conversation_id, conversation_idx: no id or no index")
    recorded = Recorded(
        prompt_tokens=count(row.get("recorded_prompt_tokens")),
        completion_tokens=count(row.get("recorded_completion_tokens")),
        latency_ms=span_ms(row.get("recorded_model_duration_ms")),
    )
    target, limit = count(row.get("target_output_tokens")), count(row.get("max_output_tokens"))
    return LoggedRequest(
        messages=chat_messages(row),
        line=line.number,
        tools=chat_tools(row),
        params={"max_tokens": limit} if limit else {},
        recorded=recorded,
        output_tokens=recorded.completion_tokens if target is None else target,
        idle_after_ms=span_ms(row.get("simulated_tool_delay_ms_after")),
        place=place,
        conversation=Conversation(name, whole=True),
    )


def manifest_traces(folder: Path) -> tuple[str, ...]:
    """The trace files that the ``manifest.json`` of `folder` lists; none when it is no workload's.

    A path that leads out of the folder is left out.
    """
    try:
        manifest = mapping(json.loads((folder / "manifest.json").read_bytes()))
    except (OSError, ValueError, RecursionError):
        return ()
    if manifest.get("mode") != REPLAY_MODE:
        return ()
    names = (text(task.get("trace")) for task in objects(manifest.get("tasks")))
    return tuple(name for name in names if name and _stays_inside(name))


def _stays_inside(name: str) -> bool:
    path = Path(name)
    return not path.is_absolute() and ".." not in path.parts and "\0" not in name
