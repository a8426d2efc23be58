"""Two arms compared on the same turns, with intervals that hold as often as they say.

Every ratio is a speed-up: above 1, the candidate is faster. Both arms of a pair are always drawn
together, and what is drawn is what is independent:

* from three sessions on, sessions, each with all its turns of all blocks, as turns of one session
  share a prefix and blocks repeat the same turns;
* below that, runs of a session (session and block), and then turns within each run. This says how
  sure the difference is *on these sessions*; it cannot say what other sessions would show.

Bounds are BCa (`autotune.scoring.bca`), but never nearer than Student's t makes them for the
sessions and for the blocks (`autotune.scoring.spread`), and then widened by the machine's own noise
where that was measured. Everything is done on logarithms, so swapping the arms inverts every bound.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.scoring.bca import bounds
from autotune.scoring.by_turn import log_ratios, means, medians
from autotune.scoring.comparison import (
    CONFIDENCE,
    METRICS,
    ByTurn,
    Comparison,
    Floor,
    Method,
    Ratio,
    Statistic,
)
from autotune.scoring.correction import shared_confidence, widened
from autotune.scoring.counts import Draws, draw, labels, without
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.objective import Objective
from autotune.scoring.pairs import Pair, at_depth, by_keys, pair_turns
from autotune.scoring.ratios import PairedTimes, median_ratios, total_wait
from autotune.scoring.spread import reach, unseen

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Floats = NDArray[np.float64]
    Counts = NDArray[np.int32]

__all__ = ["METRICS", "Comparison", "Floor", "Ratio", "compare", "turn_by_turn"]

RESAMPLES = 2000
_USABLE_SHARE = 0.9
_METRIC_OF = {Objective.TURN: "turn_s", Objective.TTFT: "ttft", Objective.DECODE: "decode"}


def compare(
    default: Sequence[TurnRecord],
    candidate: Sequence[TurnRecord],
    *,
    objective: Objective = Objective.TURN,
    keys: Collection[tuple[str, int]] | None = None,
    seed: int = 0,
    resamples: int = RESAMPLES,
    candidates: int = 1,
    floor: Floor | None = None,
    confidence: float = CONFIDENCE,
) -> Comparison:
    """Compare two arms on the turns that both measured.

    `keys` are the (session, turn) pairs at depth, ``None`` for all. The order of records does not
    matter, and the same `seed` gives the same interval. `candidates` is how many are compared with
    this default: they share the risk (5%, or what `confidence` leaves) that any of them is called
    different by chance. `floor` widens each metric's interval by the machine's own noise. Raises
    `NoMetricValue` when a turn failed, when nothing pairs, or when the objective is absent.
    """
    pairs, unpaired = pair_turns(default, candidate)
    chosen = at_depth(pairs, None if keys is None else by_keys(keys))
    if not chosen:
        raise NoMetricValue("no turn at depth was measured under both arms")
    noise, confidence = dict(floor or {}), shared_confidence(confidence, candidates)
    deep = _Sample.of(chosen, seed, resamples, confidence, noise)
    whole = deep if chosen == pairs else _Sample.of(pairs, seed, resamples, confidence, noise)
    ratios = deep.at_depth()
    scored = ratios[_METRIC_OF[objective]]
    if scored is None:
        raise NoMetricValue(f"the objective {objective.value} is absent in one of the arms")
    samples = {metric: deep if metric in ratios else whole for metric in METRICS}
    by_turn = {metric: sample.by_turn(metric) for metric, sample in samples.items()}
    return Comparison(
        objective=objective,
        ratio=scored.ratio,
        low=scored.low,
        high=scored.high,
        method=scored.method,
        pairs=len(chosen),
        sessions=len({pair.session_id for pair in chosen}),
        blocks=deep.blocks,
        unpaired=unpaired,
        unit=deep.draws.unit,
        drawn=deep.draws.size,
        turn_s=ratios["turn_s"],
        ttft=ratios["ttft"],
        decode=ratios["decode"],
        total_wait=whole.total_wait(),
        by_turn={metric: found for metric, found in by_turn.items() if found is not None},
        confidence=confidence,
        floor=noise,
    )


def turn_by_turn(comparison: Comparison) -> Comparison | None:
    """`comparison` with the geometric mean of the turns' own ratios for its `ratio`.

    Where sessions are unlike, the middle of all their turns moves with every session that is drawn,
    while the gain on each turn may be much the same: then this interval is the narrower one.
    ``None`` where no pair has the objective, or where there is no interval.
    """
    told = comparison.by_turn.get(_METRIC_OF[comparison.objective])
    if told is None or told.mean.low is None:
        return None
    mean = told.mean
    return replace(
        comparison,
        ratio=mean.ratio,
        low=mean.low,
        high=mean.high,
        method=mean.method,
        statistic=Statistic.TURNS,
    )


@dataclass(frozen=True, slots=True)
class _Sample:
    """Pairs with their draws: what every interval of a comparison is made from.

    `counts` are all the draws that a statistic is computed for at once: every pair once, then the
    bootstrap's, then those without one drawn unit, then those without one block.
    """

    times: PairedTimes
    draws: Draws
    blocks: int
    counts: Counts
    confidence: float
    floor: Floor

    @classmethod
    def of(
        cls, pairs: Sequence[Pair], seed: int, resamples: int, confidence: float, floor: Floor
    ) -> _Sample:
        import numpy as np

        times, draws = PairedTimes.of(pairs), draw(pairs, seed, resamples)
        block = without(labels(pairs, lambda pair: pair.default.block))
        once = np.ones((1, times.count), dtype=np.int32)
        counts = np.concatenate([once, draws.drawn, draws.without, block])
        return cls(times, draws, len(block), counts, confidence, floor)

    def at_depth(self) -> dict[str, Ratio | None]:
        """The ratios of medians."""
        found = median_ratios(self.times, self.counts)
        return {metric: self._of_ratios(metric, each) for metric, each in found.items()}

    def total_wait(self) -> Ratio | None:
        """The ratio of sums."""
        return self._of_ratios("total_wait", total_wait(self.times, self.counts))

    def by_turn(self, metric: str) -> ByTurn | None:
        """The middle of the pairs' own ratios."""
        logs = log_ratios(self.times, metric)
        mean = self._interval(metric, means(logs, self.counts))
        middle = self._interval(metric, medians(logs, self.counts))
        if mean is None or middle is None:
            return None
        return ByTurn(mean=mean, median=middle, pairs=int((logs == logs).sum()))

    def _of_ratios(self, metric: str, ratios: Floats) -> Ratio | None:
        found = self._interval(metric, _logs(ratios))
        return None if found is None else replace(found, ratio=float(ratios[0]))

    def _interval(self, metric: str, values: Floats) -> Ratio | None:
        """The statistic on all pairs, and its bounds; `values` are logarithms, by `counts`."""
        import numpy as np

        point = float(values[0])
        if not math.isfinite(point):
            return None
        ends = np.cumsum([1, len(self.draws.drawn), len(self.draws.without)])
        _, drawn, by_unit, by_block = np.split(values, ends)
        told = drawn[np.isfinite(drawn)]
        if len(told) < _USABLE_SHARE * len(drawn):
            return Ratio(math.exp(point), None, None)
        found = bounds(point, told, by_unit, self.confidence)
        far = reach(told, self.draws.sessions, by_block, self.confidence)
        return _ratio(point, found, far, unseen(self.blocks, self.floor.get(metric)))


def _ratio(point: float, found: tuple[float, float, Method], far: float, noise: float) -> Ratio:
    """A speed-up from logarithms: the further of both bounds on either side, then the noise."""
    low, high, method = found
    low, high = min(low, point - far), max(high, point + far)
    return widened(Ratio(math.exp(point), math.exp(low), math.exp(high), method), noise)


def _logs(ratios: Floats) -> Floats:
    import numpy as np

    return np.asarray(np.log(ratios), dtype=np.float64)
