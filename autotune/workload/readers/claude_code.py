"""Claude Code transcripts (``~/.claude/projects/<folder>/<session>.jsonl``), sub-agents included.

A transcript tells the conversation once, without the system prompt and the tools, and in current
versions without the text of the thinking. What it records of each request is its true size, so the
depth is that and the text is what there is. Branches that were left (retries, edited prompts) were
sent all the same: their requests are turns, and the turn that goes back is an edit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, JsonLine, read_objects
from autotune.workload.model import Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.checks import text
from autotune.workload.readers.claude_entries import Entry, link_entry, parse_entry
from autotune.workload.readers.claude_thread import Thread
from autotune.workload.readers.claude_tree import ThreadKey, Tree

NAME = "claude-code"
_SETTINGS = frozenset(
    {
        "agent-name",
        "ai-title",
        "bridge-session",
        "custom-title",
        "file-history-delta",
        "last-prompt",
        "mode",
        "permission-mode",
        "pr-link",
        "queue-operation",
    }
)


class ClaudeCodeReader:
    """Reads the transcripts of sessions and of sub-agents."""

    name = NAME
    description = "Claude Code transcripts: ~/.claude/projects/*/*.jsonl, sub-agents included"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is of a type of theirs and has the keys that go with it."""
        kind = text(line.get("type"))
        if kind == "file-history-snapshot":
            return line.keys() >= {"messageId", "snapshot"}
        if kind == "summary":
            return line.keys() >= {"summary", "leafUuid"}
        if not isinstance(line.get("sessionId"), str):
            return False
        return kind in _SETTINGS or _is_in_tree(kind, line)

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The threads of `file`, in the order of their first requests.

        The text of one file is in memory at a time.
        """
        tree = Tree(list(_entries(file, ledger)))
        for entry in tree.mended:
            ledger.add(file.name, DamageKind.MISSING_PARENT, entry.number)
        threads: dict[ThreadKey, Thread] = {}
        digest = file_hash(file.path)
        for group in tree.groups():
            thread = threads.get(group.thread)
            if thread is None:
                thread = threads[group.thread] = Thread(tree, group.thread, NAME, digest)
            thread.add(group)
        for thread in threads.values():
            session = thread.session()
            if session is not None:
                yield session


def _is_in_tree(kind: str | None, line: Mapping[str, Any]) -> bool:
    """Qwen Code writes a tree of the same keys, with Gemini's messages in it."""
    if not line.keys() >= {"uuid", "parentUuid"} or "systemPayload" in line:
        return False
    if kind in ("user", "assistant"):
        message = line.get("message")
        return isinstance(message, Mapping) and "content" in message and "parts" not in message
    if kind == "attachment":
        return isinstance(line.get("attachment"), Mapping)
    return kind in ("system", "progress") and "isSidechain" in line


def _entries(file: CaptureFile, ledger: DamageLedger) -> Iterator[Entry]:
    """The entries of `file`; a message of another shape is damage, and keeps its place."""
    stem = file.path.name.partition(".")[0] or NAME
    for line in read_objects(file, ledger):
        entry = _entry(file, line, stem, ledger)
        if entry is not None:
            yield entry


def _entry(file: CaptureFile, line: JsonLine, stem: str, ledger: DamageLedger) -> Entry | None:
    with ledger.checked(file.name, line.number):
        return parse_entry(line.value, line.number, stem)
    return link_entry(line.value, line.number, stem)
