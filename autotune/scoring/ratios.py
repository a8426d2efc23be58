"""Speed-ups of a set of pairs, for many draws at once.

A draw is a row of counts, how often it holds each pair (`autotune.scoring.counts`). Every function
gives one number a draw, NaN where it cannot be computed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.scoring.pairs import Pair

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int32]


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


def median_ratios(times: PairedTimes, counts: Counts) -> dict[str, Floats]:
    """Speed-ups by medians, over turns that both arms have.

    ``ttft``: p50 TTFT of the default / of the candidate. ``decode``: p50 decode rate of the
    candidate / of the default. ``turn_s``: the default's p50 TTFT + median output tokens / p50
    decode rate, over the candidate's.
    """
    before, after = times.default, times.candidate
    first = _medians(before.ttft_s, after.ttft_s, counts)
    tokens = _medians(before.output_tokens, after.output_tokens, counts)
    rate = _medians(before.decode_tps, after.decode_tps, counts)
    return {
        "turn_s": _quotient(*map(_turn_s, first, tokens, rate)),
        "ttft": _quotient(*first),
        "decode": _quotient(*reversed(rate)),
    }


def total_wait(times: PairedTimes, counts: Counts) -> Floats:
    """Total waiting time of the default / of the candidate, over turns that both have one."""
    before, after = times.default.wall_s, times.candidate.wall_s
    told = _told(before, after)
    drawn = counts[:, told]
    return _quotient(drawn @ before[told], drawn @ after[told])


def median_of(values: Floats, counts: Counts) -> Floats:
    """The median of each draw: the middle of its rows in order, or the mean of the middle two.

    `values` has no NaN. Walks up the sorted rows to where half of a draw's rows are below.
    """
    import numpy as np

    if not len(values):
        return np.full(len(counts), np.nan)
    order = np.argsort(values, kind="stable")
    ranked, below = values[order], counts[:, order].cumsum(axis=1, dtype=np.int32)
    size = below[:, -1]
    low = (below > ((size - 1) // 2)[:, None]).argmax(axis=1)
    even = np.flatnonzero((size % 2 == 0) & (size > 0))
    high = low.copy()
    high[even] = (below[even] > (size[even] // 2)[:, None]).argmax(axis=1)
    middle = (ranked[low] + ranked[high]) / 2
    return np.where(size > 0, middle, np.nan)


def _turn_s(ttft_s: Floats, output_tokens: Floats, decode_tps: Floats) -> Floats:
    import numpy as np

    rate = np.where(decode_tps > 0, decode_tps, np.nan)
    return ttft_s + output_tokens / rate


def _column(values: Sequence[float | None]) -> Floats:
    import numpy as np

    return np.array([np.nan if value is None else value for value in values], dtype=np.float64)


def _told(before: Floats, after: Floats) -> NDArray[np.bool_]:
    import numpy as np

    return ~(np.isnan(before) | np.isnan(after))


def _medians(before: Floats, after: Floats, counts: Counts) -> tuple[Floats, Floats]:
    """Both arms' medians over the turns that both have."""
    told = _told(before, after)
    drawn = counts if told.all() else counts[:, told]
    return median_of(before[told], drawn), median_of(after[told], drawn)


def _quotient(above: Floats, below: Floats) -> Floats:
    import numpy as np

    fit = (below > 0) & (above > 0)
    quotient = np.full(len(above), np.nan)
    np.divide(above, below, out=quotient, where=fit)
    return quotient
