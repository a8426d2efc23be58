"""Mooncake traces: one request a line, as lengths and ids of 512-token blocks, without text.

The rows of the published traces name no session; a request that has all blocks of an earlier one is
its next turn. AIPerf's rows of the same shape may carry a ``session_id``, and tell either whole
prompts or, as AIPerf replays them, what each turn adds: prompts that never begin as the one before
are told to be additions.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.lines import CaptureFile
from autotune.workload.model import Boundary, Session
from autotune.workload.readers.base import file_hash
from autotune.workload.traces.chains import Chains
from autotune.workload.traces.layouts import Layouts
from autotune.workload.traces.lines import in_blocks, read_rows, trace_name
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.text import TraceText
from autotune.workload.traces.threads import Thread, sessions_of

NAME = "mooncake"
BLOCK_TOKENS = 512
_KEYS = frozenset({"input_length", "hash_ids"})
_OTHER_FORMATS = frozenset({"chat_id", "text_input", "messages", "payload", "schema"})


class MooncakeReader:
    """Reads ``conversation_trace.jsonl`` and its like."""

    name = NAME
    description = "Mooncake hash traces: input_length, output_length and hash_ids, no text"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line has a length and block ids, and no text."""
        return line.keys() >= _KEYS and not line.keys() & _OTHER_FORMATS

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """The sessions of `file` in order of their first request; ids are held, text is not."""
        raw = read_rows(file, ledger, unit_ms=1.0, keep=("session_id",))
        rows, size = in_blocks(raw, BLOCK_TOKENS, file, ledger)
        if not rows:
            return
        name = trace_name(rows)
        rows = _added_up(rows)
        trace = _Trace(rows, size, f"{NAME}-{name}")
        origin = {"format": NAME, "file": file_hash(file.path)}
        text = TraceText(f"{NAME}/{name}", size, rows)
        yield from sessions_of(trace.threads(), rows, trace.layouts.of, text, origin)


def _session(row: TraceRow) -> str | None:
    named = row.origin.get("session_id")
    return str(named) if named not in (None, "") else None


def _by_session(rows: Sequence[TraceRow]) -> dict[str, list[int]]:
    named: dict[str, list[int]] = {}
    for index, row in enumerate(rows):
        session = _session(row)
        if session is not None:
            named.setdefault(session, []).append(index)
    return named


def _tells_additions(turns: Sequence[TraceRow]) -> bool:
    """Whether no prompt of a session begins as the one before it did."""
    pairs = [(a, b) for a, b in pairwise(turns) if a.full and b.full]
    return bool(pairs) and all(a.full[0] != b.full[0] for a, b in pairs)


def _added_up(rows: list[TraceRow]) -> list[TraceRow]:
    """The rows with whole lengths: those of a session that tells additions are summed up."""
    for indices in _by_session(rows).values():
        if _tells_additions([rows[index] for index in indices]):
            _sum_up(rows, indices)
    return rows


def _sum_up(rows: list[TraceRow], indices: Sequence[int]) -> None:
    depth = 0
    for index in indices:
        row = rows[index]
        depth += row.input_tokens
        recorded = replace(row.recorded, prompt_tokens=depth)
        origin = {**row.origin, "added_tokens": row.input_tokens}
        rows[index] = replace(row, input_tokens=depth, recorded=recorded, origin=origin)
        depth += row.output_tokens or 0


class _Trace:
    """The rows in their order, each laid out and put into its session."""

    def __init__(self, rows: Sequence[TraceRow], block_size: int, name: str) -> None:
        self._rows = rows
        self._name = name
        self._threads: dict[int | str, Thread] = {}
        self.layouts = Layouts(rows, block_size)
        self._chains = Chains(rows, self.layouts.common)
        for index, row in enumerate(rows):
            session = _session(row)
            if session is None:
                self._chained(index)
            else:
                self._named(index, session)

    def threads(self) -> Iterator[Thread]:
        """Every session, in the order of its first row."""
        yield from self._threads.values()

    def _chained(self, index: int) -> None:
        laid = self.layouts.insert(index)
        place = self._chains.place(index, laid)
        thread = self._threads.get(place.session)
        if thread is None:
            thread = Thread(f"{self._name}-{self._rows[index].line}")
            thread.first_boundary = Boundary.FORK if place.forked else None
            self._threads[place.session] = thread
        thread.rows.append(index)
        self.layouts.lay(index, place.before, laid)

    def _named(self, index: int, session: str) -> None:
        thread = self._threads.setdefault(session, Thread(session))
        before = thread.rows[-1] if thread.rows else None
        thread.rows.append(index)
        if before is not None and "added_tokens" in self._rows[index].origin:
            self.layouts.append(index, before)
        else:
            self.layouts.lay(index, before, self.layouts.insert(index))
