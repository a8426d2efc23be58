"""The words of a trace: one token each, the same for the same block, wherever it stands."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from autotune.workload.filler import filler
from autotune.workload.traces.layout import Run, Span
from autotune.workload.traces.rows import TraceRow

_CACHED_BLOCKS = 4096


class TraceText:
    """Renders spans. Words begin with a space, so no token reaches over a border.

    The word at a position is decided by the block that the trace has there, as `scope` and its
    id, and by nothing else; where a prompt is not hashed, by the request.
    """

    def __init__(self, scope: str, block_size: int, rows: Sequence[TraceRow]) -> None:
        self._scope = scope
        self._size = block_size
        self._rows = rows
        self._words = lru_cache(maxsize=_CACHED_BLOCKS)(self._make)

    def message(self, span: Span) -> dict[str, str]:
        """The chat message of `span`."""
        return {"role": span.role, "content": "".join(map(self._run, span.runs))}

    def _run(self, run: Run) -> str:
        row = self._rows[run.row]
        start, stop = run.start - run.shift, run.stop - run.shift
        parts: list[str] = []
        while start < stop:
            seed, origin, length = self._block(row, start)
            upto = min(stop, origin + length)
            parts.append(self._slice(seed, length, start - origin, upto - origin))
            start = upto
        return "".join(parts)

    def _block(self, row: TraceRow, position: int) -> tuple[str, int, int]:
        """Seed, first position and length of what lies at `position`; what is after the end too."""
        number = position // self._size
        if number < len(row.full):
            return f"{self._scope}/{row.full[number]}", number * self._size, self._size
        origin = len(row.full) * self._size
        if row.partial is not None and position < row.input_tokens:
            return f"{self._scope}/part/{row.partial}", origin, row.input_tokens - origin
        seed = f"{self._scope}/request/{row.line}"
        tail = (position - origin) // self._size
        return f"{seed}/{tail}", origin + tail * self._size, self._size

    def _slice(self, seed: str, length: int, start: int, stop: int) -> str:
        words = self._words(seed, length)
        return " " + " ".join(words[start:stop])

    def _make(self, seed: str, length: int) -> tuple[str, ...]:
        return tuple(filler(seed, length).split())
