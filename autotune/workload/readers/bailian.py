"""Bailian usage traces: Mooncake-like rows with 16-token blocks that name their conversation.

``chat_id`` is the request, ``parent_chat_id`` the one it went on from (-1 for none), ``timestamp``
counts seconds, and every row tells its whole prompt.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.traces.layouts import Layouts
from autotune.workload.traces.lines import in_blocks, read_rows, trace_name
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.text import TraceText
from autotune.workload.traces.threads import Thread, sessions_of

NAME = "bailian"
BLOCK_TOKENS = 16
_KEYS = frozenset({"chat_id", "parent_chat_id", "input_length", "hash_ids"})
_NO_PARENT = (None, -1, "-1", "")


class BailianReader:
    """Reads ``qwen_trace*.jsonl`` of the anonymized Bailian usage traces."""

    name = NAME
    description = "Bailian usage traces: chat_id, parent_chat_id and hash_ids, no text"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line has block ids and names its conversation."""
        return line.keys() >= _KEYS

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The sessions of `file` in order of their first request; ids are held, text is not."""
        keep = ("chat_id", "parent_chat_id", "turn", "type")
        raw = read_rows(file, ledger, unit_ms=1000.0, keep=keep)
        rows, size = in_blocks(raw, BLOCK_TOKENS, file, ledger)
        if not rows:
            return
        name = trace_name(rows)
        layouts = Layouts(rows, size)
        threads = list(_threads(rows, layouts, f"{NAME}-{name}"))
        origin = {"format": NAME, "file": file_hash(file.path)}
        text = TraceText(f"{NAME}/{name}", size, rows)
        yield from sessions_of(threads, rows, layouts.of, text, origin)


def _threads(rows: Sequence[TraceRow], layouts: Layouts, name: str) -> Iterator[Thread]:
    """The conversations, each row laid out behind its parent.

    A second child of one parent is a fork, in a session of its own. A parent that the trace does
    not have leaves a session that was resumed.
    """
    row_of: dict[Any, int] = {}
    thread_of: dict[int, Thread] = {}
    threads: list[Thread] = []
    for index, row in enumerate(rows):
        parent = row.origin.get("parent_chat_id")
        before = row_of.get(parent) if parent not in _NO_PARENT else None
        thread = thread_of.get(before) if before is not None else None
        if thread is None or thread.rows[-1] != before:
            thread = Thread(f"{name}-{row.origin.get('chat_id', row.line)}")
            thread.first_boundary = _first_boundary(parent, before)
            threads.append(thread)
        thread.rows.append(index)
        thread_of[index] = thread
        row_of[row.origin.get("chat_id")] = index
        layouts.lay(index, before, layouts.insert(index))
    yield from threads


def _first_boundary(parent: Any, before: int | None) -> Boundary | None:
    if parent in _NO_PARENT:
        return None
    return Boundary.RESUME if before is None else Boundary.FORK
