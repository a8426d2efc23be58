"""The layouts of the prompts of a trace: what two prompts share, they lay out alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from autotune.workload.traces.layout import (
    HEADER_TOKENS,
    MIN_TOKENS,
    SHORT_SYSTEM_TOKENS,
    Layout,
    edited,
    extended,
    opening,
)
from autotune.workload.traces.rows import TraceRow
from autotune.workload.traces.tree import PrefixTree, Stretch, common_ids


def system_blocks(rows: Sequence[TraceRow], block_size: int) -> dict[int, int]:
    """First block id to the number of blocks that are a system prompt, not a conversation.

    Those are the blocks common to all prompts that begin with it, where prompts go on from them in
    different ways, and that leave the user words of their own in the shortest of them.
    """
    families: dict[int, _Family] = {}
    for row in rows:
        if row.full:
            families.setdefault(row.full[0], _Family(row, len(row.full), row.input_tokens)).take(
                row
            )
    for row in rows:
        if row.full:
            families[row.full[0]].note_next(row)
    return {
        first: family.blocks(block_size)
        for first, family in families.items()
        if len(family.nexts) > 1
    }


@dataclass(slots=True)
class _Family:
    """Prompts with one first block: how much is common to all, and what comes next."""

    first: TraceRow
    common: int
    shortest_tokens: int
    nexts: set[int] = field(default_factory=set)

    def take(self, row: TraceRow) -> None:
        self.common = common_ids(self.first.full[: self.common], row.full)
        self.shortest_tokens = min(self.shortest_tokens, row.input_tokens)

    def note_next(self, row: TraceRow) -> None:
        if len(self.nexts) < 2 and len(row.full) > self.common:
            self.nexts.add(row.full[self.common])

    def blocks(self, block_size: int) -> int:
        room = max(0, self.shortest_tokens - HEADER_TOKENS - MIN_TOKENS)
        return min(self.common, room // block_size)


def goes_on(before: TraceRow, row: TraceRow) -> bool:
    """Whether the prompt of `row` has all of the one before, as far as blocks can tell.

    Without a whole block there is only the length to go by: the prompt and its reply must fit.
    """
    if row.input_tokens <= before.input_tokens:
        return False
    if not before.full:
        return row.input_tokens >= before.input_tokens + (before.output_tokens or 0)
    return common_ids(before.full, row.full) == len(before.full)


class Layouts:
    """The layouts of the prompts of one id scope, in the order in which they were sent.

    Every block of every prefix has one layout: that of the first prompt that had it.
    """

    def __init__(self, rows: Sequence[TraceRow], block_size: int) -> None:
        self._rows = rows
        self._size = block_size
        self.common: Mapping[int, int] = system_blocks(rows, block_size)
        self._tree = PrefixTree()
        self.of: dict[int, Layout] = {}

    def insert(self, index: int) -> tuple[Stretch, ...]:
        """Enter the blocks of row `index`; what earlier rows had laid of them."""
        return self._tree.insert(self._rows[index].full, index)

    def lay(
        self,
        index: int,
        before: int | None,
        laid: Sequence[Stretch],
        system_tokens: int | None = None,
    ) -> None:
        """Lay out row `index`, the turn after `before`, whose blocks `laid` are known.

        `system_tokens` is the length of the system message where the trace tells it.
        """
        row = self._rows[index]
        shared = laid[-1].stop if laid else 0
        if before is not None and _repeats(self._rows[before], row):
            self.of[index] = self.of[before]
        elif before is not None and self._follows(before, row, shared):
            reply = self._rows[before].output_tokens
            self.of[index] = extended(self.of[before], row.input_tokens, reply, index)
        elif laid and self._same_prompt(self._rows[laid[-1].owner], row):
            self.of[index] = self.of[laid[-1].owner]
        elif laid:
            base, at = self.of[laid[-1].owner], shared * self._size
            self.of[index] = edited(base, at, at + self._size, row.input_tokens, index)
        else:
            length = system_tokens or self._system_length(row)
            self.of[index] = opening(row.input_tokens, length, index)

    def append(self, index: int, before: int) -> None:
        """Lay out row `index` behind `before`, a row that tells only what was added."""
        row, base = self._rows[index], self.of[before]
        reply = self._rows[before].output_tokens
        shift = base[-1].stop
        self.of[index] = extended(base, row.input_tokens, reply, index, shift)

    def _follows(self, before: int, row: TraceRow, shared: int) -> bool:
        """Whether `row` is the turn before, a reply and more; with no room for both it is not."""
        if not goes_on(self._rows[before], row) or shared > len(self._rows[before].full):
            return False
        added = row.input_tokens - HEADER_TOKENS - self.of[before][-1].stop
        return added >= 2 * MIN_TOKENS

    def _same_prompt(self, one: TraceRow, other: TraceRow) -> bool:
        """Whether every token of the two is hashed, and hashed alike."""
        if (one.input_tokens, one.partial) != (other.input_tokens, other.partial):
            return False
        whole = len(other.full) * self._size == other.input_tokens
        return one.full == other.full and (whole or one.partial is not None)

    def _system_length(self, row: TraceRow) -> int:
        blocks = self.common.get(row.full[0], 0) if row.full else 0
        return blocks * self._size or SHORT_SYSTEM_TOKENS


def _repeats(before: TraceRow, row: TraceRow) -> bool:
    """Whether `row` is the turn before once more, as lengths and blocks can tell: a retry."""
    told = (before.input_tokens, before.partial, before.full)
    return bool(row.full) and told == (row.input_tokens, row.partial, row.full)
