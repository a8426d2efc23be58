"""What a comparison says, metric by metric: faster, slower, or that it cannot be told.

"Cannot be told" is half an answer. The other half is how large a difference would have been seen:
`MetricVerdict.smallest_seen` is the half-width of the interval in log space, as a ratio. Were the
candidate really that much faster, an interval of this width around it would just have left 1 out,
so a difference below it may be there and a much larger one is not.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from autotune.scoring.comparison import METRICS, Comparison, Ratio


class Verdict(StrEnum):
    """The candidate beside the default, on one metric."""

    FASTER = "faster"
    SLOWER = "slower"
    CANNOT_TELL = "cannot be told apart"


@dataclass(frozen=True, slots=True, kw_only=True)
class MetricVerdict:
    """One metric's answer.

    Attributes:
        metric: one of `METRICS`.
        ratio, low, high: the speed-up, default over candidate, with its interval; the bounds are
            ``None`` where there is no interval, and then nothing can be told.
        smallest_seen: the smallest speed-up that this comparison could have told from none, as a
            ratio above 1 (1.04 is 4%); ``None`` without an interval.
        pairs, sessions: what the comparison rests on, to be shown with it.
        confidence: of the interval.
        directional: too few for more than a direction, see `Comparison.directional`.
    """

    metric: str
    verdict: Verdict
    ratio: float
    low: float | None
    high: float | None
    smallest_seen: float | None
    pairs: int
    sessions: int
    confidence: float
    directional: bool


def verdicts(comparison: Comparison) -> Mapping[str, MetricVerdict]:
    """A verdict for each of `METRICS` that both arms have, in that order."""
    found = ((metric, comparison.metric(metric)) for metric in METRICS)
    return {name: _verdict(name, ratio, comparison) for name, ratio in found if ratio is not None}


def verdict_of(ratio: Ratio) -> Verdict:
    """Faster or slower where the whole interval is on one side of 1."""
    if ratio.low is not None and ratio.low > 1:
        return Verdict.FASTER
    if ratio.high is not None and ratio.high < 1:
        return Verdict.SLOWER
    return Verdict.CANNOT_TELL


def smallest_seen(ratio: Ratio) -> float | None:
    """Half the interval's width in log space, as a ratio; ``None`` without an interval."""
    if not ratio.low or not ratio.high:
        return None
    return math.sqrt(ratio.high / ratio.low)


def _verdict(name: str, ratio: Ratio, comparison: Comparison) -> MetricVerdict:
    return MetricVerdict(
        metric=name,
        verdict=verdict_of(ratio),
        ratio=ratio.ratio,
        low=ratio.low,
        high=ratio.high,
        smallest_seen=smallest_seen(ratio),
        pairs=comparison.pairs,
        sessions=comparison.sessions,
        confidence=comparison.confidence,
        directional=comparison.directional,
    )
