"""Speed-ups of a set of pairs: what the bootstrap computes anew for every draw."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.scoring.pairs import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class ArmTimes:
    """One arm's pairs as columns; NaN is absent."""

    ttft_s: Floats
    decode_tps: Floats
    output_tokens: Floats
    wall_s: Floats

    @classmethod
    def of(cls, records: Sequence[TurnRecord]) -> ArmTimes:
        """Columns in the order of `records`."""
        return cls(
            _column([r.ttft_s for r in records]),
            _column([r.decode_tps for r in records]),
            _column([r.work_tokens for r in records]),
            _column([r.work_s for r in records]),
        )


@dataclass(frozen=True, slots=True)
class PairedTimes:
    """Both arms, row by row the same turn."""

    default: ArmTimes
    candidate: ArmTimes
    count: int

    @classmethod
    def of(cls, pairs: Sequence[Pair]) -> PairedTimes:
        """Columns in the order of `pairs`."""
        default = ArmTimes.of([pair.default for pair in pairs])
        return cls(default, ArmTimes.of([pair.candidate for pair in pairs]), len(pairs))


Statistic = Callable[[PairedTimes, "np.ndarray"], float | None]
"""Pairs and the rows to look at (repeats allowed) to a speed-up; ``None`` where absent."""


def statistic_of(objective: Objective) -> Statistic:
    """The speed-up by which `objective` compares."""
    return {Objective.TURN: turn, Objective.TTFT: ttft, Objective.DECODE: decode}[objective]


def turn(times: PairedTimes, rows: np.ndarray) -> float | None:
    """turn_s of the default / turn_s of the candidate, each part over turns that both have."""
    before, after = times.default, times.candidate
    first = _both(before.ttft_s, after.ttft_s, rows)
    tokens = _both(before.output_tokens, after.output_tokens, rows)
    rate = _both(before.decode_tps, after.decode_tps, rows)
    return _quotient(*map(_turn_s, first, tokens, rate))


def ttft(times: PairedTimes, rows: np.ndarray) -> float | None:
    """p50 TTFT of the default / of the candidate, over turns that both have one."""
    both = _both(times.default.ttft_s, times.candidate.ttft_s, rows)
    return _quotient(*map(_median, both))


def decode(times: PairedTimes, rows: np.ndarray) -> float | None:
    """p50 decode rate of the candidate / of the default, over turns that both have one."""
    before, after = _both(times.default.decode_tps, times.candidate.decode_tps, rows)
    return _quotient(_median(after), _median(before))


def total_wait(times: PairedTimes, rows: np.ndarray) -> float | None:
    """Total waiting time of the default / of the candidate, over turns that both have one."""
    before, after = _both(times.default.wall_s, times.candidate.wall_s, rows)
    return _quotient(float(before.sum()), float(after.sum()))


def _turn_s(ttft_s: Floats, output_tokens: Floats, decode_tps: Floats) -> float | None:
    first, tokens, rate = map(_median, (ttft_s, output_tokens, decode_tps))
    if first is None or tokens is None or rate is None or rate <= 0:
        return None
    return first + tokens / rate


def _column(values: Sequence[float | None]) -> Floats:
    import numpy as np

    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _both(before: Floats, after: Floats, rows: np.ndarray) -> tuple[Floats, Floats]:
    import numpy as np

    left, right = before[rows], after[rows]
    told = ~(np.isnan(left) | np.isnan(right))
    return left[told], right[told]


def _median(values: Floats) -> float | None:
    import numpy as np

    return float(np.median(values)) if len(values) else None


def _quotient(above: float | None, below: float | None) -> float | None:
    if above is None or below is None or below <= 0:
        return None
    return above / below
