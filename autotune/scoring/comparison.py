"""What a comparison of two arms is: ratios with intervals, and what they rest on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from autotune.scoring.objective import Objective

CONFIDENCE = 0.95
LEAST_PAIRS = 5
"""Below this many pairs a comparison gives a direction, not a size."""

LEAST_BLOCKS = 2
"""The same for blocks: with one launch of each arm its luck cannot be told from a difference."""

METRICS = ("turn_s", "ttft", "decode", "total_wait")
"""Names of the metrics that are compared: fields of `Comparison`, keys of a floor."""

Floor = Mapping[str, float]
"""Metric to the half-width, as a log-ratio, within which this machine's A/A runs lie."""


class Method(StrEnum):
    """How the bounds came from the draws."""

    BCA = "bca"
    PERCENTILE = "percentile"


class Statistic(StrEnum):
    """What `Comparison.ratio` is the ratio of."""

    MEDIANS = "medians"
    TURNS = "turn by turn"


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up with its interval; the bounds are ``None`` where too few draws had one."""

    ratio: float
    low: float | None
    high: float | None
    method: Method = Method.PERCENTILE


@dataclass(frozen=True, slots=True)
class ByTurn:
    """Speed-ups turn by turn: the ratio of each pair, and then their middle.

    Beside a ratio of medians it says whether the same turns got faster, not whether the middle of
    all of them did. `mean` is the geometric mean of the pairs' ratios, `median` their median, each
    with its interval; `pairs` is how many pairs have one.
    """

    mean: Ratio
    median: Ratio
    pairs: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Default over candidate on paired turns. `ratio`, `low`, `high` are the objective's.

    Attributes:
        pairs: paired turns at depth; `sessions` is how many sessions they come from.
        unpaired: records of either arm that have no partner, which were left out.
        unit: what the bootstrap drew.
        turn_s, ttft, decode: ratios at depth, ``None`` where a metric is absent.
        total_wait: over every paired turn, context edits included.
        by_turn: the same metrics by paired ratios, by name; those that no pair has are left out.
        drawn: how many of `unit` there were to draw from.
        blocks: how often both arms were measured; every block has launches of its own.
        confidence: of every interval here; above 0.95 where several candidates share the risk.
        method: how the objective's bounds came from the draws.
        floor: the machine's A/A noise by which the intervals were widened, as log-ratios.
        statistic: whether `ratio` is of the medians over turns, or the mean of the turns' own.
    """

    objective: Objective
    ratio: float
    low: float | None
    high: float | None
    pairs: int
    sessions: int
    unpaired: int
    unit: str
    turn_s: Ratio | None
    ttft: Ratio | None
    decode: Ratio | None
    total_wait: Ratio | None
    by_turn: Mapping[str, ByTurn] = field(default_factory=dict)
    drawn: int = 0
    blocks: int = 0
    confidence: float = CONFIDENCE
    method: Method = Method.PERCENTILE
    floor: Floor = field(default_factory=dict)
    statistic: Statistic = Statistic.MEDIANS

    def metric(self, name: str) -> Ratio | None:
        """The speed-up by one of `METRICS`. Raises ``KeyError`` for another name."""
        return {
            "turn_s": self.turn_s,
            "ttft": self.ttft,
            "decode": self.decode,
            "total_wait": self.total_wait,
        }[name]

    @property
    def level(self) -> str:
        """The confidence as it is written beside an interval: ``95%``, ``97.5%``."""
        return f"{100 * self.confidence:.3g}%"

    @property
    def directional(self) -> bool:
        """Whether this is too little for more than a direction: few pairs, or a single block."""
        return self.pairs < LEAST_PAIRS or self.blocks < LEAST_BLOCKS

    @property
    def wins(self) -> bool:
        """Whether the whole interval is above 1."""
        return self.low is not None and self.low > 1

    @property
    def loses_total_wait(self) -> bool:
        """Whether the candidate keeps its user waiting longer than the default, all told."""
        return self.total_wait is not None and self.total_wait.ratio < 1
