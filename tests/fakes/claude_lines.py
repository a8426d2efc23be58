"""Makes lines of Claude Code transcripts for the tests of its reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Damage, Session
from autotune.workload.readers.claude_code import ClaudeCodeReader

Line = dict[str, Any]


def base(uuid: str, parent: str | None, seconds: int, **more: Any) -> Line:
    """A line of the tree, `seconds` into the session."""
    stamp = f"2026-03-01T10:{seconds // 60:02d}:{seconds % 60:02d}.000Z"
    line = {"uuid": uuid, "parentUuid": parent, "timestamp": stamp}
    return {**line, "sessionId": "s", "isSidechain": False, **more}


def user(uuid: str, parent: str | None, seconds: int, content: Any, **more: Any) -> Line:
    """What the user, or a tool, said."""
    message = {"role": "user", "content": content}
    return base(uuid, parent, seconds, type="user", message=message, **more)


def reply(uuid: str, parent: str | None, seconds: int, content: Any, **more: Any) -> Line:
    """A line of the reply ``more["mid"]``, which is its own id otherwise."""
    usage = {"input_tokens": more.pop("prompt", 1000), "output_tokens": more.pop("output", 5)}
    message = {
        "id": more.pop("mid", f"m-{uuid}"),
        "model": more.pop("model", "made-up"),
        "role": "assistant",
        "content": [{"type": "text", "text": content}] if isinstance(content, str) else content,
        "stop_reason": more.pop("stop", "end_turn"),
        "usage": usage,
    }
    return base(uuid, parent, seconds, type="assistant", message=message, **more)


def call(called: str, **given: Any) -> Line:
    """A tool call block."""
    return {"type": "tool_use", "id": called, "name": "Read", "input": given}


def result(called: str, content: Any) -> Line:
    """A tool result block."""
    return {"type": "tool_result", "tool_use_id": called, "content": content}


def boundary(uuid: str, seconds: int, **metadata: Any) -> Line:
    """The line of a compaction."""
    more = {"type": "system", "subtype": "compact_boundary", "compactMetadata": metadata}
    return base(uuid, None, seconds, **more)


def read_file(path: Path) -> tuple[list[Session], tuple[Damage, ...]]:
    """The sessions and the damage of a transcript."""
    ledger = DamageLedger()
    sessions = list(ClaudeCodeReader().read(CaptureFile(path, path.name), ledger))
    return sessions, ledger.entries()


def read_lines(folder: Path, *lines: Any) -> list[Session]:
    """The sessions of a transcript of `lines`."""
    path = folder / "s.jsonl"
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    return read_file(path)[0]


def told(session: Session, turn: int = -1) -> list[tuple[str, Any]]:
    """Role and content of every message of a turn's prompt."""
    return [(m["role"], m.get("content")) for m in session.turns[turn].messages]
