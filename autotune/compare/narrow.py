"""When a comparison has said enough: intervals narrow, blocks or budget spent, nobody left."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from autotune.scoring.verdict import MetricVerdict

LEAST_BLOCKS = 2
"""One block cannot show how far the next would be from it."""

NARROW = "narrow"
BLOCKS = "blocks"
BUDGET = "budget"
ALONE = "alone"
STOPPED = "stopped"


def widest(rows: Iterable[MetricVerdict]) -> float | None:
    """The widest half-width as a share (0.05 is 5%); infinite where a row has no interval.

    ``None`` for no rows: nothing was compared.
    """
    widths = [half_width(row) for row in rows]
    return max(widths, default=None)


def half_width(row: MetricVerdict) -> float:
    """How far the interval reaches from its middle, as a share; infinite without an interval."""
    return math.inf if row.smallest_seen is None else row.smallest_seen - 1


@dataclass(slots=True, kw_only=True)
class Rule:
    """Asked between blocks. Seconds of earlier runs of the comparison count (`before_s`)."""

    until: float
    blocks: int | None
    budget_s: float | None
    clock: Callable[[], float]
    started_s: float
    before_s: float = 0.0

    def ends(self, done: int, width: float | None, block_s: float) -> str | None:
        """Why no block follows the `done` ones, or ``None``.

        `width` is the widest half-width that matters, `block_s` what a block takes. Narrow is only
        what stays so over an even number of blocks, when every arm went first as often as last.
        """
        if done >= LEAST_BLOCKS and done % 2 == 0 and width is not None and width <= self.until:
            return NARROW
        if self.blocks is not None and done >= self.blocks:
            return BLOCKS
        left_s = self.seconds_left()
        if done and left_s is not None and block_s > left_s:
            return BUDGET
        return None

    def seconds_left(self) -> float | None:
        """What is left of the budget; ``None`` without one."""
        if self.budget_s is None:
            return None
        return self.budget_s - self.before_s - (self.clock() - self.started_s)
