"""kv-cache-tester documents without text: salted hashes of 64-token blocks, one file a session.

Sub-agents stand in the document of the session that started them. Ids hold across the documents of
one export, so that sessions with one system prompt share it: ``hash_id_scope`` is ``global``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from autotune.workload.formats.base import Format, Place, Written, known
from autotune.workload.formats.folders import drop_stale
from autotune.workload.formats.hashing import KnownText, SessionHasher, keyed, prompt_counts
from autotune.workload.model import Session, Turn
from autotune.workload.writer import replacing

BLOCK_TOKENS = 64
_TRACE_FILE = re.compile(r"trace_[0-9a-f]{12}\.json")


@dataclass(slots=True)
class _Agent:
    """A session as its requests; times in seconds from its first one."""

    session_id: str
    parent: str | None
    start_ms: float | None
    tool_tokens: int
    system_tokens: int
    requests: list[dict[str, Any]] = field(default_factory=list)

    @property
    def duration_s(self) -> float:
        """From the first request to the end of the last."""
        last = self.requests[-1]
        return float(last["t"] + last.get("api_time", 0.0))


def _agent(session: Session, text: KnownText) -> _Agent:
    hasher = SessionHasher(text, BLOCK_TOKENS)
    start_ms = session.turns[0].timestamp_ms
    agent = _Agent(session.session_id, session.parent, start_ms, 0, 0)
    for turn, count in zip(session.turns, prompt_counts(session), strict=True):
        prompt = hasher.prompt(turn, count)
        if not agent.requests:
            agent.tool_tokens, agent.system_tokens = prompt.tool_tokens, prompt.system_tokens
        request = {
            "t": _seconds(_since(turn, agent)),
            "type": "n" if turn.recorded.ttft_ms is None else "s",
            "in": prompt.tokens,
            "out": turn.output_tokens,
            "hash_ids": list(prompt.full),
            "api_time": _seconds(turn.recorded.latency_ms),
            "ttft": _seconds(turn.recorded.ttft_ms),
            "think_time": _seconds(turn.delay_ms),
        }
        agent.requests.append(known(request))
    return agent


def _since(turn: Turn, agent: _Agent) -> float:
    """Milliseconds since the session began; without a clock, since the request before ended."""
    if turn.timestamp_ms is not None and agent.start_ms is not None:
        return max(0.0, turn.timestamp_ms - agent.start_ms)
    if not agent.requests:
        return 0.0
    return agent.duration_s * 1000.0 + (turn.delay_ms or 0.0)


def _seconds(value_ms: float | None) -> float | None:
    return None if value_ms is None else round(value_ms / 1000.0, 6)


def _write(sessions: Iterable[Session], out: Path, salt: bytes) -> Written:
    text = KnownText(salt)
    agents = {session.session_id: _agent(session, text) for session in sessions if session.turns}
    children: dict[str | None, list[_Agent]] = {}
    for agent in agents.values():
        parent = agent.parent if agent.parent in agents else None
        children.setdefault(parent, []).append(agent)
    out.mkdir(parents=True, exist_ok=True)
    names = {_write_trace(agent, children, out, salt) for agent in _roots(agents, children)}
    drop_stale(out, names, _TRACE_FILE)
    return Written(len(agents), sum(len(agent.requests) for agent in agents.values()))


def _roots(
    agents: Mapping[str, _Agent], children: Mapping[str | None, Sequence[_Agent]]
) -> list[_Agent]:
    """Sessions with a document of their own. Parents that go round in a circle have none above."""
    roots = list(children.get(None, ()))
    seen: set[str] = set()
    pending = list(roots)
    for agent in (None, *agents.values()):
        if agent is not None and agent.session_id not in seen:
            roots.append(agent)
            pending.append(agent)
        while pending:
            reached = pending.pop()
            if reached.session_id not in seen:
                seen.add(reached.session_id)
                pending.extend(children.get(reached.session_id, ()))
    return roots


def _write_trace(
    agent: _Agent, children: Mapping[str | None, Sequence[_Agent]], out: Path, salt: bytes
) -> str:
    name = (
        f"trace_{keyed(salt, b'session', agent.session_id.encode('utf-8', 'replace')).hex()[:12]}"
    )
    document = {
        "id": name,
        "models": [],
        "block_size": BLOCK_TOKENS,
        "hash_id_scope": "global",
        "tool_tokens": agent.tool_tokens,
        "system_tokens": agent.system_tokens,
        "requests": _requests(agent, children, {agent.session_id}),
    }
    with replacing(out / f"{name}.json") as stream:
        stream.write(json.dumps(document, separators=(",", ":")).encode() + b"\n")
    return f"{name}.json"


def _requests(
    agent: _Agent, children: Mapping[str | None, Sequence[_Agent]], seen: set[str]
) -> list[dict[str, Any]]:
    """The agent's requests and its sub-agents, by when they began."""
    entries = list(agent.requests)
    for child in children.get(agent.session_id, ()):
        if child.session_id not in seen:
            seen.add(child.session_id)
            entries.append(_subagent(child, agent, children, seen))
    return sorted(entries, key=lambda entry: float(entry["t"]))


def _subagent(
    agent: _Agent, parent: _Agent, children: Mapping[str | None, Sequence[_Agent]], seen: set[str]
) -> dict[str, Any]:
    clocks = agent.start_ms is not None and parent.start_ms is not None
    start_ms = (agent.start_ms or 0.0) - (parent.start_ms or 0.0) if clocks else 0.0
    return {
        "t": _seconds(max(0.0, start_ms)),
        "type": "subagent",
        "agent_id": f"agent_{len(seen) - 1:03d}",
        "subagent_type": "subagent",
        "duration_ms": round(agent.duration_s * 1000),
        "status": "completed",
        "tool_tokens": agent.tool_tokens,
        "system_tokens": agent.system_tokens,
        "models": [],
        "requests": _requests(agent, children, seen),
    }


WEKA_HASH = Format(
    name="weka-hash",
    description="kv-cache-tester documents of salted block hashes: shapes to share, no text",
    loses="all text, the names of sessions and models, replies, the partial last block of each "
    "prompt and recorded cache use",
    place=Place.FOLDER,
    write=_write,
    salted=True,
)
