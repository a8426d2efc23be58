"""Whether a trial under way can still win: paired with the best so far, turn by turn."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from autotune.records import TurnRecord
from autotune.scoring.contaminated import MARK
from autotune.search.judge import Judge, Judged, TurnKey
from autotune.search.ledger import Ledger, arm_name
from autotune.trial.measurement import Measurement

LEAST_PAIRS = 6
"""With fewer no evidence is enough: six losses out of six have a chance of 1 in 64."""

CHANCE = 0.02
"""How likely a candidate as good as this race asks for may look this bad, at one look."""

HOPELESS_PAIRS, HOPELESS = 3, 2.0
"""So many turns, each more than so many times slower: no test is needed, and every further turn of
such a trial costs several."""

DRIFT = 1.15
"""A machine's speed drifts by a tenth within a minute, which a few turns cannot tell from a loss:
only a trial this much slower is stopped at the first look. Where the noise floor was measured, no
more than that is asked (`drift_of`)."""

AT_THE_END = 0.98
"""What a trial must still be able to reach when all but its last turns are done: less than a gain
of 2% is not worth engine-seconds."""


@dataclass(slots=True)
class Race:
    """Stops a trial that is not going to beat the best one.

    Each turn at depth is laid beside the same turn of the best trial; a Wilcoxon signed-rank test
    over the logarithms of their times is asked after every turn. It looks at ranks, so one turn
    that was disturbed decides nothing. What is asked of a trial falls evenly with the turns it has
    done, from not being `drift` times slower to being better by `at_the_end`; while only one
    session was heard it does not fall, as the others may tell another story. `best_value` is the
    best trial's objective in seconds. While `is_patient` only a trial that is slower by `DRIFT` is
    stopped: what it may gain has not been heard yet.
    """

    judge: Judge
    name: str
    best_value: float
    best: Mapping[TurnKey, float]
    at_the_end: float = AT_THE_END
    drift: float = DRIFT
    is_patient: bool = False
    lost: bool = False
    _log_ratios: list[float] = field(default_factory=list)
    _heard: set[str] = field(default_factory=set)

    @classmethod
    def against(
        cls,
        judge: Judge,
        name: str,
        value: float,
        records: Iterable[TurnRecord],
        drift: float = DRIFT,
    ) -> Race:
        """A race against trial `name`, which left `records` and was worth `value` seconds."""
        seconds = ((_key(r), judge.turn_seconds(r)) for r in records if r.mark != MARK)
        best = {key: s for key, s in seconds if s is not None}
        return cls(judge, name, value, best, drift=drift)

    def take(self, record: TurnRecord) -> None:
        """One more turn of the trial under way; one that others disturbed decides nothing."""
        if record.mark == MARK:
            return
        own, other = self.judge.turn_seconds(record), self.best.get(_key(record))
        if own is None or other is None:
            return
        self._log_ratios.append(math.log(own / other))
        self._heard.add(record.session_id)
        if len(self._log_ratios) >= LEAST_PAIRS and self.ratio > self.bar:
            self.lost = _chance_of(self._log_ratios, self.bar) < CHANCE
        elif len(self._log_ratios) >= HOPELESS_PAIRS:
            self.lost = min(self._log_ratios) > math.log(HOPELESS)

    @property
    def bar(self) -> float:
        """The ratio to the best one's time beyond which the trial is stopped, at this point."""
        if self.is_patient:
            return DRIFT
        done = min(1.0, len(self._log_ratios) / max(1.0, self.falls_in * len(self.best)))
        fallen = self.drift + done * (self.at_the_end - self.drift)
        return self.drift if self._is_one_sided else fallen

    @property
    def falls_in(self) -> float:
        """The share of the turns after which the bar has fallen: the less the machine drifts, the
        less of them."""
        return min(1.0, (self.drift - 1.0) / (DRIFT - 1.0))

    @property
    def _is_one_sided(self) -> bool:
        """Whether one session alone was heard of several."""
        return len(self._heard) < min(2, len({session for session, _ in self.best}))

    @property
    def ratio(self) -> float:
        """The trial's time over the best one's, at the median turn; 1 before the first pair."""
        return math.exp(statistics.median(self._log_ratios)) if self._log_ratios else 1.0

    def judged(self, measurement: Measurement, turns: int) -> Judged:
        """The verdict on a trial that was stopped after some of `turns`."""
        done = len(measurement.records)
        reason = (
            f"stopped after {done} of {turns} turns: about {self.ratio:.2f} times "
            f"{self.name}'s time"
        )
        score = self.judge.score(measurement.records)
        return Judged(score, self.estimate, None, reason, partial=True)

    @property
    def estimate(self) -> float:
        """The objective of the whole trial in seconds, by its pairs; no better than the best's."""
        return self.best_value * max(1.0, self.ratio)


def drift_of(floor: float) -> float:
    """By how much the machine may make a trial look slower at first.

    `floor` is a log-ratio that two runs of one config stay within; infinite: never measured.
    """
    return min(DRIFT, math.exp(floor)) if math.isfinite(floor) else DRIFT


def _chance_of(log_ratios: list[float], bar: float) -> float:
    """The p-value of these, were the trial's time `bar` times the best one's."""
    from scipy.stats import wilcoxon

    shifted = [ratio - math.log(bar) for ratio in log_ratios]
    return float(wilcoxon(shifted, alternative="greater").pvalue)


def _key(record: TurnRecord) -> TurnKey:
    return record.session_id, record.turn


@dataclass(slots=True)
class Lead:
    """The latest records of the best candidate so far, which every later trial is raced against.

    The latest, not all: a machine's speed drifts over minutes, and the nearer in time two
    measurements are, the less of their difference is the machine's. `read_turns` gives every
    record of the study; it is asked once, when a study is continued. Of several workers only what
    `worker` measured itself is raced against.
    """

    judge: Judge
    read_turns: Callable[[], Iterable[TurnRecord]]
    worker: str = ""
    _number: int | None = None
    _records: Sequence[TurnRecord] = ()

    def note(self, number: int, records: Sequence[TurnRecord]) -> None:
        """Trial `number` is the latest look at the best candidate."""
        self._number, self._records = number, records

    @property
    def records(self) -> Sequence[TurnRecord]:
        """Of the latest look at the best candidate, as the last race was made."""
        return self._records

    def race(self, ledger: Ledger, drift: float = DRIFT) -> Race | None:
        """A race against the best of `ledger`; ``None`` when there is none yet."""
        best = ledger.best
        if best is None or best.value is None:
            return None
        looks = [e.number for e in ledger.looks(best.key) if e.worker == self.worker]
        if not looks:
            # Measured on other hosts only: no turn of it compares with one of ours.
            self._number, self._records = None, ()
            return None
        latest = looks[-1]
        if latest != self._number:
            arm = arm_name(latest)
            self.note(latest, [r for r in self.read_turns() if r.arm == arm])
        name = f"trial {best.number}"
        return Race.against(self.judge, name, best.value, self._records, drift)
