"""The usual chart beside the agent's own sessions: do they put configs in the same order?

The usual chart asks for tokens per second after a short prompt. A config may win there and lose
where an agent lives, at depth and with a prefix to reuse. How far the two agree is the rank
correlation of what they say of the same configs (Kendall, "A New Measure of Rank Correlation",
Biometrika 30, 1938; tau-b for ties, Biometrika 33, 1945): 1 is the same order, 0 is no relation,
-1 is the opposite order.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Signs = NDArray[np.int8]

CONFIDENCE = 0.95
RESAMPLES = 1000
FEW = 5
"""With fewer configs than this a rank correlation only points in a direction."""

_LEAST_FOR_INTERVAL = 3
_USABLE_SHARE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True)
class RankAgreement:
    """How alike two orders of `n` configs are. Absent is ``None``.

    Attributes:
        tau_b: Kendall's; ``None`` where one side puts all configs at one place.
        low, high: 95% percentile interval of a bootstrap over configs; ``None`` below three, or
            where too few draws have a tau.
        alike, opposed, tied: pairs that both order alike, that they order against each other, and
            those where one of them sees no difference.
        directional: fewer configs than `FEW`.
    """

    n: int
    tau_b: float | None
    low: float | None
    high: float | None
    alike: int
    opposed: int
    tied: int
    directional: bool

    @property
    def alike_share(self) -> float | None:
        """The share of the pairs that both order which they order alike."""
        ordered = self.alike + self.opposed
        return self.alike / ordered if ordered else None


def rank_agreement(
    one: Sequence[float], other: Sequence[float], *, seed: int = 0, resamples: int = RESAMPLES
) -> RankAgreement:
    """How alike `one` and `other` order the same configs; in both more is better.

    tau-b = (alike - opposed) / sqrt(pairs that `one` orders x pairs that `other` orders). The same
    `seed` gives the same interval. Raises ``ValueError`` for lists of two lengths.
    """
    if len(one) != len(other):
        raise ValueError(f"{len(one)} values against {len(other)}")
    a, b = _signs(one), _signs(other)
    product = a * b
    alike, opposed = int((product > 0).sum()) // 2, int((product < 0).sum()) // 2
    low, high = _interval(a, b, seed, resamples)
    return RankAgreement(
        n=len(one),
        tau_b=_tau_b(a, b),
        low=low,
        high=high,
        alike=alike,
        opposed=opposed,
        tied=math.comb(len(one), 2) - alike - opposed,
        directional=len(one) < FEW,
    )


def _signs(values: Sequence[float]) -> Signs:
    """1 where the row's value is greater than the column's, -1 where it is less."""
    import numpy as np

    column = np.asarray(values, dtype=np.float64)
    signs: Signs = np.sign(column[:, None] - column[None, :]).astype(np.int8)
    return signs


def _tau_b(a: Signs, b: Signs) -> float | None:
    import numpy as np

    ordered = float(np.count_nonzero(a)) * float(np.count_nonzero(b))
    return float((a * b).sum(dtype=np.int64)) / math.sqrt(ordered) if ordered else None


def _interval(a: Signs, b: Signs, seed: int, resamples: int) -> tuple[float | None, float | None]:
    import numpy as np

    count = len(a)
    if count < _LEAST_FOR_INTERVAL:
        return None, None
    generator = np.random.default_rng(seed)
    rows = generator.integers(count, size=(resamples, count))
    weights = np.stack([np.bincount(row, minlength=count) for row in rows]).astype(np.float64)
    alike = _drawn_sums(weights, a * b)
    ordered = _drawn_sums(weights, a != 0) * _drawn_sums(weights, b != 0)
    told = ordered > 0
    drawn = alike[told] / np.sqrt(ordered[told])
    if len(drawn) < _USABLE_SHARE * resamples:
        return None, None
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return float(low), float(high)


def _drawn_sums(weights: Floats, pairs: NDArray[Any]) -> Floats:
    """The sum over all pairs of each draw, which holds config i `weights[:, i]` times."""
    import numpy as np

    sums: Floats = ((weights @ pairs.astype(np.float64)) * weights).sum(axis=1)
    return sums


@dataclass(frozen=True, slots=True, kw_only=True)
class Charted:
    """One config as both tests see it.

    Attributes:
        trial: its first trial; `engine` is ``None`` where only one is tuned.
        changes: what differs from the default.
        tokens_per_s: the usual chart's figure; more is better.
        value_s: the agent's objective in seconds; less is better.
        prefill_tokens_per_s: the other figure of the usual chart; ``None`` where it has none.
        repeated_share: how much of the chart's reply repeats itself, 0 to 1.
    """

    trial: int
    tokens_per_s: float
    value_s: float
    is_default: bool = False
    engine: str | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    prefill_tokens_per_s: float | None = None
    repeated_share: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChartVerdict:
    """What the usual chart would have chosen, and what that costs on the agent's sessions.

    Attributes:
        picked, best: the first by the chart, the first by the agent's sessions.
        default: what everything is compared with; ``None`` where it has no figure.
        agreement: between the chart's tokens per second and the agent's speed.
        prefill_agreement: the same for its prefill figure; ``None`` where a config has none.
        chart_gain, agent_gain: `picked` against `default`, above 1 is faster, there and here.
        best_gain: `best` against `default` on the agent's sessions.
        cost: the agent's time with `picked` over that with `best`, 1 where they are the same.
        chart_s, trial_s: what asking took, and what the trials it was part of took, in the median.
    """

    picked: Charted
    best: Charted
    default: Charted | None
    agreement: RankAgreement
    prefill_agreement: RankAgreement | None
    chart_gain: float | None
    agent_gain: float | None
    best_gain: float | None
    cost: float
    chart_s: float | None = None
    trial_s: float | None = None


def judge_chart(rows: Sequence[Charted], *, seed: int = 0) -> ChartVerdict | None:
    """The verdict over `rows`, one a config; ``None`` for fewer than two.

    Ties go to the earlier row on both sides.
    """
    if len(rows) < 2:
        return None
    picked = max(rows, key=lambda row: row.tokens_per_s)
    best = min(rows, key=lambda row: row.value_s)
    default = next((row for row in rows if row.is_default), None)
    speeds = [1 / row.value_s for row in rows]
    return ChartVerdict(
        picked=picked,
        best=best,
        default=default,
        agreement=rank_agreement([row.tokens_per_s for row in rows], speeds, seed=seed),
        prefill_agreement=_prefill_agreement(rows, speeds, seed),
        chart_gain=picked.tokens_per_s / default.tokens_per_s if default else None,
        agent_gain=default.value_s / picked.value_s if default else None,
        best_gain=default.value_s / best.value_s if default else None,
        cost=picked.value_s / best.value_s,
    )


def _prefill_agreement(
    rows: Sequence[Charted], speeds: Sequence[float], seed: int
) -> RankAgreement | None:
    rates = [r.prefill_tokens_per_s for r in rows if r.prefill_tokens_per_s is not None]
    return rank_agreement(rates, speeds, seed=seed) if len(rates) == len(rows) else None


def median_or_none(values: Sequence[float | None]) -> float | None:
    """The median of those that are there."""
    told = [value for value in values if value is not None]
    return statistics.median(told) if told else None
