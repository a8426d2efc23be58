"""Sessions in a trace that names none: a request that has all blocks of an earlier one follows it.

An earlier request can only be followed when its last whole block was first laid by its own session:
prompts that begin alike, as with one system prompt, are no conversation.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.tree import Stretch


@dataclass(frozen=True, slots=True)
class Place:
    """The session of a row (counted from 0), the row before it, and whether it forked there."""

    session: int
    before: int | None
    forked: bool


class Chains:
    """Gives every row its session; rows come in the order of the trace."""

    def __init__(self, rows: Sequence[TraceRow], common: Mapping[int, int]) -> None:
        """`common` is what `layouts.system_blocks` says of `rows`."""
        self._rows = rows
        self._common = common
        self._session_of: dict[int, int] = {}
        self._followed: set[int] = set()
        self._ends: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.sessions = 0

    def place(self, index: int, laid: Sequence[Stretch]) -> Place:
        """Where row `index` belongs, whose blocks `laid` were known already."""
        before = self._before(index, laid)
        forked = before in self._followed
        if before is None or forked:
            session, self.sessions = self.sessions, self.sessions + 1
        else:
            session = self._session_of[before]
            self._followed.add(before)
        self._session_of[index] = session
        self._remember(index, laid)
        return Place(session, before, forked)

    def _before(self, index: int, laid: Sequence[Stretch]) -> int | None:
        """The row with the most blocks that this one has all of; one not yet followed is better."""
        row = self._rows[index]
        common = self._common.get(row.full[0], 0) if row.full else 0
        for stretch in reversed(laid):
            found = [
                (depth, end not in self._followed, end)
                for depth, end in self._ends.get(stretch.owner, ())
                if common < depth <= stretch.stop
                and self._rows[end].input_tokens < row.input_tokens
            ]
            if found:
                return max(found)[2]
        return None

    def _remember(self, index: int, laid: Sequence[Stretch]) -> None:
        """Note where the blocks of row `index` end, when its own session laid the last one."""
        blocks = len(self._rows[index].full)
        if not blocks:
            return
        known = laid[-1].stop if laid else 0
        owner = index if known < blocks else laid[-1].owner
        if self._session_of[owner] == self._session_of[index]:
            self._ends[owner].append((blocks, index))
