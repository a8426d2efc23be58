"""What the search minimises."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from autotune.records import TurnRecord
from autotune.scoring.metrics import DecodeP50, TtftP50, TurnSeconds


class Objective(StrEnum):
    """``turn``: seconds per turn. ``ttft``: p50 TTFT. ``decode``: seconds per token, 1 / p50."""

    TURN = "turn"
    TTFT = "ttft"
    DECODE = "decode"

    def seconds(self, records: Sequence[TurnRecord]) -> float:
        """The number to minimise, in seconds. Raises `NoMetricValue` when there is none."""
        if self is Objective.TTFT:
            return TtftP50().compute(records)
        if self is Objective.DECODE:
            return 1 / DecodeP50().compute(records)
        return TurnSeconds().compute(records)

    def turn_seconds(self, record: TurnRecord) -> float | None:
        """What one turn is worth in the same unit; ``None`` where it was not measured."""
        first, rate = record.ttft_s, record.decode_tps
        if self is Objective.TTFT:
            return first
        if not rate:
            return None
        if self is Objective.DECODE:
            return 1 / rate
        tokens = record.work_tokens
        return None if first is None or tokens is None else first + tokens / rate
