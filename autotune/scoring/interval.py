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
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.scoring.comparison import CONFIDENCE, METRICS, Comparison, Floor, Ratio
from autotune.scoring.correction import shared_confidence, widened
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.objective import Objective
from autotune.scoring.pairs import Pair, at_depth, by_keys, pair_turns
from autotune.scoring.ratios import PairedTimes, Statistic, statistic_of, total_wait
from autotune.scoring.resampling import BY_SESSION, draws

if TYPE_CHECKING:
    import numpy as np

__all__ = ["METRICS", "Comparison", "Floor", "Ratio", "compare"]

RESAMPLES = 2000
METRIC_OF = {Objective.TURN: "turn_s", Objective.TTFT: "ttft", Objective.DECODE: "decode"}
_USABLE_SHARE = 0.9


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
) -> Comparison:
    """Compare two arms on the turns that both measured.

    `keys` are the (session, turn) pairs at depth, ``None`` for all. The order of records does not
    matter, and the same `seed` gives the same interval. `candidates` is how many are compared with
    this default: they share the risk of 5% that any of them is called different by chance. `floor`
    widens each metric's interval by the machine's own noise. Raises `NoMetricValue` when a turn
    failed, when nothing pairs, or when the objective is absent.
    """
    pairs, unpaired = pair_turns(default, candidate)
    chosen = at_depth(pairs, None if keys is None else by_keys(keys))
    if not chosen:
        raise NoMetricValue("no turn at depth was measured under both arms")
    unit, indices = draws(chosen, seed, resamples)
    times, confidence = PairedTimes.of(chosen), shared_confidence(CONFIDENCE, candidates)
    floor = dict(floor or {})
    ratios = {
        each: _ratio(times, statistic_of(each), indices, confidence, floor.get(METRIC_OF[each], 0))
        for each in Objective
    }
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
        total_wait=_total_wait(pairs, seed, resamples, confidence, floor),
        drawn=len({p.session_id if unit == BY_SESSION else p.unit for p in chosen}),
        confidence=confidence,
        floor=floor,
    )


def _total_wait(
    pairs: Sequence[Pair], seed: int, resamples: int, confidence: float, floor: Floor
) -> Ratio | None:
    _, indices = draws(pairs, seed, resamples)
    noise = floor.get("total_wait", 0)
    return _ratio(PairedTimes.of(pairs), total_wait, indices, confidence, noise)


def _ratio(
    times: PairedTimes,
    statistic: Statistic,
    indices: Sequence[np.ndarray],
    confidence: float,
    noise: float,
) -> Ratio | None:
    """The statistic on all pairs, and its percentiles over the draws."""
    import numpy as np

    point = statistic(times, np.arange(times.count))
    if point is None:
        return None
    drawn = [value for index in indices if (value := statistic(times, index)) is not None]
    if len(drawn) < _USABLE_SHARE * len(indices):
        return Ratio(point, None, None)
    tail = (1 - confidence) / 2
    low, high = np.quantile(drawn, [tail, 1 - tail])
    return widened(Ratio(point, float(low), float(high)), noise)
