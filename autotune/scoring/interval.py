"""Two arms compared on the same turns, with an interval from a bootstrap over sessions.

Every ratio is a speed-up: above 1, the candidate is faster. A percentile bootstrap (Efron and
Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 13) draws what is independent:

* from three sessions on, sessions, each with all its turns of all blocks, as turns of one session
  share a prefix and blocks repeat the same turns;
* below that, runs of a session (session and block), and then turns within each run. This says how
  sure the difference is *on these sessions*; it cannot say what other sessions would show.

Both arms of a pair are always drawn together. Few sessions make a narrow interval too narrow;
`unit` and `sessions` are there to be shown with it.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.objective import Objective
from autotune.scoring.pairs import Pair, at_depth, by_keys, pair_turns
from autotune.scoring.ratios import PairedTimes, Statistic, statistic_of, total_wait
from autotune.scoring.resampling import draws

if TYPE_CHECKING:
    import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 2000
_USABLE_SHARE = 0.9


@dataclass(frozen=True, slots=True)
class Ratio:
    """A speed-up with its 95% interval; the bounds are ``None`` where too few draws had one."""

    ratio: float
    low: float | None
    high: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Default over candidate on paired turns. `ratio`, `low`, `high` are the objective's.

    Attributes:
        pairs: paired turns at depth; `sessions` is how many sessions they come from.
        unpaired: records of either arm that have no partner, which were left out.
        unit: what the bootstrap drew.
        turn_s, ttft, decode: ratios at depth, ``None`` where a metric is absent.
        total_wait: over every paired turn, context edits included.
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

    @property
    def wins(self) -> bool:
        """Whether the whole interval is above 1."""
        return self.low is not None and self.low > 1

    @property
    def loses_total_wait(self) -> bool:
        """Whether the candidate keeps its user waiting longer than the default, all told."""
        return self.total_wait is not None and self.total_wait.ratio < 1


def compare(
    default: Sequence[TurnRecord],
    candidate: Sequence[TurnRecord],
    *,
    objective: Objective = Objective.TURN,
    keys: Collection[tuple[str, int]] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> Comparison:
    """Compare two arms on the turns that both measured.

    `keys` are the (session, turn) pairs at depth, ``None`` for all. The order of records does not
    matter, and the same `seed` gives the same interval. Raises `NoMetricValue` when a turn failed,
    when nothing pairs, or when the objective is absent.
    """
    pairs, unpaired = pair_turns(default, candidate)
    chosen = at_depth(pairs, None if keys is None else by_keys(keys))
    if not chosen:
        raise NoMetricValue("no turn at depth was measured under both arms")
    unit, indices = draws(chosen, seed, resamples)
    times = PairedTimes.of(chosen)
    ratios = {each: _ratio(times, statistic_of(each), indices) for each in Objective}
    scored = ratios[objective]
    if scored is None:
        raise NoMetricValue(f"the objective {objective.value} is absent in one of the arms")
    return Comparison(
        objective=objective,
        ratio=scored.ratio,
        low=scored.low,
        high=scored.high,
        pairs=len(chosen),
        sessions=len({pair.session_id for pair in chosen}),
        unpaired=unpaired,
        unit=unit,
        turn_s=ratios[Objective.TURN],
        ttft=ratios[Objective.TTFT],
        decode=ratios[Objective.DECODE],
        total_wait=_total_wait(pairs, seed, resamples),
    )


def _total_wait(pairs: Sequence[Pair], seed: int, resamples: int) -> Ratio | None:
    _, indices = draws(pairs, seed, resamples)
    return _ratio(PairedTimes.of(pairs), total_wait, indices)


def _ratio(times: PairedTimes, statistic: Statistic, indices: Sequence[np.ndarray]) -> Ratio | None:
    """The statistic on all pairs, and its percentiles over the draws."""
    import numpy as np

    point = statistic(times, np.arange(times.count))
    if point is None:
        return None
    drawn = [value for index in indices if (value := statistic(times, index)) is not None]
    if len(drawn) < _USABLE_SHARE * len(indices):
        return Ratio(point, None, None)
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return Ratio(point, float(low), float(high))
