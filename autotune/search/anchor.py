"""The default, measured again every few trials: whether the machine is still the one it was.

An anchor replays the first turns of the search's plan under the default settings. Turn by turn it
is laid beside the look before it; the median of the log-ratios is how far the machine has moved.
Where that is more than the noise floor, and more than twice its own standard error, the trials
between the two were not measured on one machine: they are doubtful, and are measured again.

Anchors are no trials: Optuna, the ledger and the count of trials know nothing of them. They are
records of arm ``anchor-0007`` (made when trial 7 had ended) in the turn log, and nothing else, so a
study that goes on finds them there.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.contaminated import MARK
from autotune.scoring.noise import NoiseFloor
from autotune.scoring.objective import Objective
from autotune.search.ledger import AFTER_DRIFT, Entry, Ledger, arm_name
from autotune.search.queue import AGAIN, Planned
from autotune.search.rung_looks import ahead_s
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement, Measurer

PREFIX = "anchor-"

TURNS = 12
"""An anchor ends when it has so many clean turns: enough for a median, cheaper than a trial."""

MOST_TIMES = 2
"""So many times that many: where others disturb most turns, it ends there all the same."""

LEAST_TURNS = 4
"""Fewer pairs of turns than this say nothing of drift."""

FLOOR_TURNS = 32
"""Of the run that the noise floor is made from: eight parts of four turns each. A longer plan is
left there."""

COST_SHARE = 0.2
"""Of what the trials since the last look took: an anchor that costs more waits for more trials."""

AGAIN_SHARE = 0.25
"""Of all trials, besides one window's worth: on a machine that never holds still the search would
only measure again."""

ERRORS = 2.0
"""Standard errors by which a drift must differ from none."""

AS_SIGMA, OF_MEDIAN = 1.4826, 1.2533
"""A normal variable's deviation by its median absolute one, and a median's error by a mean's."""

_METRIC = {Objective.TURN: "turn_s", Objective.TTFT: "ttft", Objective.DECODE: "decode"}


def anchor_name(after: int) -> str:
    """The arm of the anchor that was measured after trial `after`."""
    return f"{PREFIX}{after:04d}"


def is_anchor(arm: str) -> bool:
    """Whether `arm` is an anchor's."""
    return arm.startswith(PREFIX)


@dataclass(frozen=True, slots=True)
class Look:
    """The default after trial `after`: seconds by (session, turn), and of all turns together."""

    after: int
    seconds: Mapping[tuple[str, int], float]
    turns_s: float


@dataclass(frozen=True, slots=True)
class Drift:
    """From one look to the next. `shift` is the log of its time over the former one's.

    `error` is the standard error of `shift`; both are ``None`` where too few turns pair.
    """

    first: int
    last: int
    shift: float | None
    error: float | None
    turns: int

    def disagrees(self, floor: float) -> bool:
        """Whether the machine has moved by more than `floor`, a log-ratio."""
        if self.shift is None or self.error is None:
            return False
        return abs(self.shift) > max(floor, ERRORS * self.error)


@dataclass(slots=True, kw_only=True)
class Anchors:
    """Measures them, and knows what they say. `every` is in trials, 0 for none.

    `floor` gives the noise floor as it is known at the moment; `read_turns` every record of the
    study, asked once.
    """

    every: int
    measurer: Measurer
    plan: ReplayPlan
    objective: Objective
    log: TurnLog
    floor: Callable[[], NoiseFloor]
    read_turns: Callable[[], Iterable[TurnRecord]] = tuple
    _looks: list[Look] = field(default_factory=list)
    _is_read: bool = False

    def looks(self, ledger: Ledger) -> list[Look]:
        """The default's own trial, then every anchor; empty before the default has a value."""
        base = ledger.baseline
        if base is None or base.value is None:
            return []
        if not self._is_read:
            self._looks = looks_of(self.read_turns(), base.number, self.objective)
            self._is_read = True
        return self._looks

    def is_due(self, ledger: Ledger, left_s: float | None) -> bool:
        """Whether it is time for one, and worth it.

        `left_s` is what the budget still has for the search, ``None`` without a limit: an anchor
        after which no trial fits is of no use.
        """
        looks = self.looks(ledger)
        if not self.every or not looks:
            return False
        since = [e for e in ledger.measured if e.number > looks[-1].after]
        cost_s = self.cost_s(ledger)
        if len(since) < self.every or cost_s > COST_SHARE * sum(e.seconds for e in since):
            return False
        return left_s is None or cost_s + ledger.typical_s <= left_s

    def cost_s(self, ledger: Ledger) -> float:
        """What one anchor takes: the default's start and stop, and its turns' share of the time."""
        looks, base = self.looks(ledger), ledger.baseline
        if not looks or base is None:
            return 0.0
        # Turns of sessions that overlap add up to more than the trial took.
        whole_s = base.seconds - ahead_s([base])
        turns_s = min(looks[0].turns_s, whole_s)
        return whole_s - turns_s + turns_s * min(1.0, TURNS / max(1, len(self.plan.turns)))

    def measure(self, ledger: Ledger, *, enough: int = TURNS) -> Measurement:
        """Measure the default once more, until `enough` turns were clean."""
        base = ledger.baseline
        assert base is not None
        after = ledger.entries[-1].number
        clean = seen = 0

        def take(record: TurnRecord) -> None:
            nonlocal clean, seen
            self.log.append(record)
            seen += 1
            clean += record.mark != MARK and _seconds(record, self.objective) is not None

        measurement = self.measurer.measure(
            Candidate(base.settings),
            self.plan,
            arm=anchor_name(after),
            block=0,
            sink=take,
            enough=lambda: clean >= enough or seen >= MOST_TIMES * enough,
        )
        looks = self.looks(ledger)
        if looks and looks[-1].after != after:
            looks.append(_look(after, measurement.records, self.objective))
        return measurement

    @property
    def floor_width(self) -> float:
        """The floor of what the search compares, as a log-ratio."""
        return self.floor().half_width(_METRIC[self.objective])

    def drifts(self, ledger: Ledger) -> list[Drift]:
        """From each look to the next; those that failed half-way are passed over."""
        good = [look for look in self.looks(ledger) if len(look.seconds) >= LEAST_TURNS]
        return [drift(a, b) for a, b in pairwise(good)]

    def broken(self, ledger: Ledger) -> list[Drift]:
        """Those between which the machine moved by more than the floor."""
        width = self.floor_width
        return [d for d in self.drifts(ledger) if d.disagrees(width)]

    def doubtful(self, ledger: Ledger) -> list[Entry]:
        """Trials to be measured again, the best first.

        Those between two looks that disagree, once each, as far as the drift may hide that they
        are the best; and the best of all when it was measured before the machine moved.
        """
        broken = self.broken(ledger)
        best = ledger.best
        if not broken or best is None:
            return []
        inside = [e for d in broken for e in _between(ledger, d) if _matters(e, best, d)]
        found = {e.key: e for e in inside if not _was_repeated(ledger, e)}
        if ledger.tries(best.key)[-1].number <= broken[-1].last:
            found[best.key] = best
        return sorted(found.values(), key=lambda e: (_value(e), e.number))

    def next(self, ledger: Ledger) -> Planned | None:
        """The next trial that a drift asks for; ``None`` when there is none, or enough was done."""
        doubtful = self.doubtful(ledger)
        done = sum(e.is_after_drift for e in ledger.measured)
        if not doubtful or done >= self.every + AGAIN_SHARE * len(ledger.measured):
            return None
        first = doubtful[0]
        return Planned(first.values, AGAIN + arm_name(first.number) + AFTER_DRIFT)


def looks_of(records: Iterable[TurnRecord], base: int, objective: Objective) -> list[Look]:
    """The looks that a study's records hold; `base` is the trial of the default.

    Of an anchor that a kill cut off and that was measured again, the later turns stand.
    """
    by_arm: dict[str, list[TurnRecord]] = {}
    for record in records:
        if record.arm == arm_name(base) or is_anchor(record.arm):
            by_arm.setdefault(record.arm, []).append(record)
    default = by_arm.pop(arm_name(base), [])
    numbers = sorted((int(arm.removeprefix(PREFIX)), rows) for arm, rows in by_arm.items())
    return [_look(n, rows, objective) for n, rows in [(base, default), *numbers]]


def drift(before: Look, after: Look) -> Drift:
    """The median log-ratio of the turns that both have, and its standard error.

    The error is that of a median of normal values whose deviation their median absolute deviation
    gives: ``1.2533 * 1.4826 * MAD / sqrt(n)``.
    """
    shared = [key for key in before.seconds if key in after.seconds]
    if len(shared) < LEAST_TURNS:
        return Drift(before.after, after.after, None, None, len(shared))
    ratios = [math.log(after.seconds[key] / before.seconds[key]) for key in shared]
    shift = statistics.median(ratios)
    spread = AS_SIGMA * statistics.median(abs(x - shift) for x in ratios)
    error = OF_MEDIAN * spread / math.sqrt(len(ratios))
    return Drift(before.after, after.after, shift, error, len(shared))


def _look(after: int, records: Sequence[TurnRecord], of: Objective) -> Look:
    """By clean turns; on a machine that leaves hardly any, by all: their spread tells how well."""
    clean = [r for r in records if r.mark != MARK]
    seconds = _by_turn(clean, of)
    if len(seconds) < LEAST_TURNS:
        seconds = _by_turn(records, of)
    return Look(after, seconds, sum(r.wall_s or 0.0 for r in records))


def _by_turn(records: Sequence[TurnRecord], of: Objective) -> dict[tuple[str, int], float]:
    rows = ((r, _seconds(r, of)) for r in records)
    return {(r.session_id, r.turn): s for r, s in rows if s is not None}


def _seconds(record: TurnRecord, objective: Objective) -> float | None:
    """What a good turn took, at any depth; ``None`` for the others."""
    if not record.ok or record.boundary is not None:
        return None
    return objective.turn_seconds(record) or None


def _between(ledger: Ledger, window: Drift) -> list[Entry]:
    """Trials with a value, or a guess at one, that were measured between two looks."""
    inside = (e for e in ledger.measured if window.first < e.number <= window.last)
    return [e for e in inside if e.value is not None]


def _matters(entry: Entry, best: Entry, window: Drift) -> bool:
    """Whether `entry` could be better than `best`, were it wrong by all of the drift."""
    return _value(entry) * math.exp(-abs(window.shift or 0.0)) <= _value(best)


def _was_repeated(ledger: Ledger, entry: Entry) -> bool:
    """Whether these settings were measured again for a drift, after `entry`."""
    later = (e for e in ledger.tries(entry.key) if e.number > entry.number)
    return any(e.is_after_drift for e in later) or entry.is_after_drift


def _value(entry: Entry) -> float:
    return math.inf if entry.value is None else entry.value
