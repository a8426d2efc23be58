"""Everything that keeps a study's figures apart from the machine's mood, in one place.

The noise floor (kept per machine, or measured once at the start), the anchors, and what is measured
again because somebody else used the machine.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import psutil

from autotune.records import TurnRecord
from autotune.scoring.contaminated import contaminated
from autotune.scoring.noise import NoiseFloor, assumed_floor, noise_floor
from autotune.search.anchor import FLOOR_TURNS, TURNS, Anchors, is_anchor
from autotune.search.budget import Budget
from autotune.search.events import AnchorMeasured, Listener
from autotune.search.floor_cache import FloorCache, FloorKey, floor_key
from autotune.search.layout import Layout
from autotune.search.ledger import Ledger, arm_name
from autotune.search.queue import Planned
from autotune.search.remeasure import TRIAL_TIMES, Remeasure, disturbed, is_aside
from autotune.search.setup import Setup
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement
from autotune.trial.real import RealMeasurer

LEAST_BUDGET = 20
"""Default's trials that the budget must hold for one of them to be spent on the noise floor."""

LEAST_LUCK = math.log(1.05)
"""A floor below this was measured in a good moment."""


@dataclass(slots=True, kw_only=True)
class Steadiness:
    """What a search asks before each trial and after each measurement.

    `limit_s` and `trials` are the study's own limits. Nothing is asked of the machine here but
    through `anchors` and their measurer.
    """

    anchors: Anchors
    clean: Remeasure
    listener: Listener
    cache: FloorCache
    key: FloorKey
    limit_s: float | None = None
    trials: int | None = None
    floor: NoiseFloor = field(default_factory=assumed_floor)
    _was_asked: bool = False
    _is_kept: bool = False

    def before_trial(self, ledger: Ledger, budget: Budget) -> Planned | None:
        """Measure what is due; then the next trial that a drift asks for, if one does."""
        if not self.anchors.every:
            return None
        left_s = search_left_s(budget, ledger)
        if self._wants_floor(ledger):
            self._anchor(ledger, enough=FLOOR_TURNS)
        elif self.anchors.is_due(ledger, left_s):
            self._anchor(ledger, enough=TURNS)
        return self.anchors.next(ledger)

    def again(self, measurement: Measurement, ledger: Ledger, budget: Budget) -> bool:
        """Whether a trial that was just measured is measured once more."""
        left_s = search_left_s(budget, ledger)
        return self.clean.again(measurement, times=TRIAL_TIMES, left_s=left_s)

    def settle(self, ledger: Ledger) -> None:
        """The floor as it can be known without measuring: what a verdict is widened by."""
        if self.anchors.every and not self._was_asked:
            self._wants_floor(ledger)

    @property
    def luck(self) -> float:
        """By how much two runs of one config differ, a log-ratio; no end to it until measured."""
        return max(LEAST_LUCK, self.anchors.floor_width) if self.floor.is_measured else math.inf

    def _wants_floor(self, ledger: Ledger) -> bool:
        """Once, right after the default: whether its noise is to be measured now.

        A floor of the cache is not taken where it was quiet then and is not now, or loud.
        """
        base = ledger.baseline
        looks = self.anchors.looks(ledger)
        if self._was_asked or base is None or not looks:
            return False
        self._was_asked = True
        kept = self.cache.read(self.key)
        if kept is not None and kept.quiet is not self._is_disturbed(base.number):
            self.floor, self._is_kept = kept, True
            return False
        if len(looks) > 1:
            self._learn(ledger)
            return False
        enough = self.trials is None or self.trials >= 2 * self.anchors.every
        return enough and (self.limit_s is None or self.limit_s >= LEAST_BUDGET * base.seconds)

    def _anchor(self, ledger: Ledger, *, enough: int) -> None:
        measurement = self.anchors.measure(ledger, enough=enough)
        self._learn(ledger)
        drifts = self.anchors.drifts(ledger)
        last = drifts[-1] if drifts else None
        self.listener(
            AnchorMeasured(
                after=ledger.entries[-1].number,
                shift=None if last is None else last.shift,
                floor=self.anchors.floor_width,
                disagrees=last is not None and last.disagrees(self.anchors.floor_width),
                doubtful=len(self.anchors.doubtful(ledger)),
                seconds=measurement.seconds.total_s,
            )
        )

    def _learn(self, ledger: Ledger) -> None:
        """The floor by all of the default's runs so far that are long enough, where there was none.

        By all of them each time: a run that goes on finds them on the disk and must say the same.
        """
        base = ledger.baseline
        if base is None or self._is_kept:
            return
        runs = self._default_runs(base.number)
        quiet = not any(contaminated(run).spoiled for run in runs)
        now = datetime.now(UTC).isoformat(timespec="seconds")
        found = noise_floor(runs, measured_at=now, quiet=quiet)
        if found is not None:
            self.floor = found
            self.cache.write(self.key, found)

    def _default_runs(self, number: int) -> list[list[TurnRecord]]:
        """The default's trial and its anchors that are long enough for a floor, in order."""
        found: dict[str, dict[int, TurnRecord]] = {}
        for record in self.anchors.read_turns():
            if record.arm == arm_name(number) or is_anchor(record.arm):
                found.setdefault(record.arm, {})[record.order] = record
        least = min(FLOOR_TURNS, len(self.anchors.plan.turns))
        return [list(rows.values()) for rows in found.values() if len(rows) >= least]

    def _is_disturbed(self, number: int) -> bool:
        arm = arm_name(number)
        return contaminated([r for r in self.anchors.read_turns() if r.arm == arm]).spoiled

    def report(self, ledger: Ledger) -> dict[str, Any]:
        """What is said of noise at the end, as plain data; see `noise_report`."""
        return noise_report(self, ledger, self.anchors.read_turns())


def steadiness(
    setup: Setup, layout: Layout, measurer: RealMeasurer, log: TurnLog, listener: Listener
) -> Steadiness:
    """For the search of one engine."""
    request, cores = setup.request, psutil.cpu_count() or 1
    anchors = Anchors(
        every=request.anchor_every,
        measurer=replace(measurer, afterwards=()),
        plan=layout.search_plan,
        objective=layout.judge.objective,
        log=log,
        floor=assumed_floor,
        read_turns=setup.folder.read_turns,
    )
    made = Steadiness(
        anchors=anchors,
        clean=Remeasure(log=log, cores=cores),
        listener=listener,
        cache=FloorCache(request.noise_cache),
        key=floor_key(setup, layout),
        limit_s=request.effective_budget_s,
        trials=request.trials,
    )
    anchors.floor = lambda: made.floor
    return made


def search_left_s(budget: Budget, ledger: Ledger) -> float | None:
    """What the search may still take, the confirmation's part kept back; ``None`` for no limit."""
    return budget.search_left_s(ledger)


def beside_s(records: Iterable[TurnRecord]) -> float:
    """Seconds of turns that no trial counts: anchors, and what was set aside."""
    return sum(r.wall_s or 0.0 for r in records if is_anchor(r.arm) or is_aside(r.arm))


def noise_report(
    steady: Steadiness, ledger: Ledger, records: Iterable[TurnRecord]
) -> dict[str, Any]:
    """Floor, drift and contamination of a study.

    ``floor`` is a `NoiseFloor`, ``anchors`` counts looks and how far the machine moved between
    them (log-ratios), ``disturbed`` is a `Disturbed`; ``never_quiet`` says that measuring again was
    given up.
    """
    every = list(records)
    drifts, broken = steady.anchors.drifts(ledger), steady.anchors.broken(ledger)
    moved = [abs(d.shift) for d in drifts if d.shift is not None]
    return {
        "floor": steady.floor.to_json(),
        "anchors": {
            "measured": len({r.arm for r in every if is_anchor(r.arm)}),
            "seconds": sum(r.wall_s or 0.0 for r in every if is_anchor(r.arm)),
            "largest_shift": max(moved, default=None),
            "disagreed": len(broken),
            "measured_again": sum(e.is_after_drift for e in ledger.measured),
            "left_doubtful": [e.number for e in steady.anchors.doubtful(ledger)],
        },
        "disturbed": asdict(disturbed(every, steady.clean.cores)),
        "never_quiet": steady.clean.gave_up,
    }
