"""Measures a factorial: what comes next is decided anew each time from what is on the shelf."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from factorial_shelf import Shelf

from autotune.candidate import Candidate, Setting
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.scoring.noise import NoiseFloor, assumed_floor, noise_floor
from autotune.scoring.objective import Objective
from autotune.search.anchor import AGAIN_SHARE, Anchors, Drift, anchor_name, is_anchor
from autotune.search.factorial import WHOLE, measuring_order, turn_keys
from autotune.search.judge import Judge
from autotune.search.ledger import AFTER_DRIFT, COMPLETE, INFEASIBLE, Entry, Ledger, arm_name
from autotune.search.queue import AGAIN, DEFAULT
from autotune.search.remeasure import TRIAL_TIMES, Remeasure, disturbed
from autotune.search.space import Space
from autotune.trial.measurement import Measurement, Measurer
from autotune.trial.recorded_rows import ANCHOR, LaunchRow

LOOK = "look "
"""Label of a further launch of a configuration: ``look 2``."""


@dataclass(frozen=True, slots=True)
class Job:
    """One launch of one configuration, at one rung; `number` is the trial's."""

    number: int
    settings: Mapping[str, Setting]
    label: str
    rung: str = WHOLE


def key_of(settings: Mapping[str, Setting], rung: str) -> str:
    """What the ledger calls a configuration: its launches at other rungs are no looks at it."""
    key = Candidate(settings).key
    return key if rung == WHOLE else f"{key}-{rung}"


@dataclass(kw_only=True)
class Recorder:
    """`rungs` are the plans to replay, each on launches of its own; the first one is `WHOLE`.

    `looks` is how often the whole plan is replayed in all; `say` takes lines of progress.
    """

    shelf: Shelf
    space: Space
    rungs: Mapping[str, ReplayPlan]
    objective: Objective
    measurer: Measurer
    anchor_every: int
    looks: int
    seed: int
    cores: int
    say: Callable[[str], None]
    rows: list[LaunchRow] = field(default_factory=list)
    ledger: Ledger = field(default_factory=Ledger)
    floor: NoiseFloor = field(default_factory=assumed_floor)
    _began_s: float = 0.0
    _jobs_done: int = 0

    @cached_property
    def order(self) -> list[dict[str, Setting]]:
        """Every configuration in the order in which it is measured."""
        return measuring_order(self.space, self.seed)

    @cached_property
    def clean(self) -> Remeasure:
        """What decides whether a disturbed launch is made again."""
        return Remeasure(log=self.shelf.log, cores=self.cores)

    @cached_property
    def anchors(self) -> Anchors:
        """The default, now and then."""
        return Anchors(
            every=self.anchor_every,
            measurer=self.measurer,
            plan=self.rungs[WHOLE],
            objective=self.objective,
            log=self.shelf.log,
            floor=lambda: self.floor,
            read_turns=self.shelf.turns,
        )

    def run(self, most: int | None) -> dict[str, Any]:
        """Measure until nothing is missing, or `most` configurations are new; then the figures."""
        self._restore()
        self._began_s = time.monotonic()
        self.say(
            f"{len(self.order)} configurations at {' and '.join(self.rungs)}: "
            f"{self._left} of {self._total} launches are missing"
        )
        while (most is None or self._jobs_done < most) and (job := self._next()) is not None:
            self._do(job)
            if self.anchors.is_due(self.ledger, None):
                self._anchor()
        if self._since_anchor:
            self._anchor()
        return self._told()

    # --- what comes next ---------------------------------------------------------------------

    def _next(self) -> Job | None:
        return self._after_drift() or self._fresh() or self._look()

    def _after_drift(self) -> Job | None:
        """A trial between two looks at the default that disagree; a share of all, at most."""
        again = [e for e in self.ledger.measured if e.is_after_drift]
        if len(again) >= self.anchor_every + AGAIN_SHARE * len(self.ledger.measured):
            return None
        for drift in self.anchors.broken(self.ledger):
            for entry in self.ledger.measured:
                if self._is_doubtful(entry, drift):
                    label = f"{AGAIN}{arm_name(entry.number)}{AFTER_DRIFT}"
                    rung = self._row_of(entry.number).rung
                    return Job(self._free_number, entry.settings, label, rung)
        return None

    def _is_doubtful(self, entry: Entry, drift: Drift) -> bool:
        inside = drift.first < entry.number <= drift.last
        later = [e for e in self.ledger.tries(entry.key) if e.number > entry.number]
        return inside and not entry.is_after_drift and not any(e.is_after_drift for e in later)

    def _row_of(self, number: int) -> LaunchRow:
        return next(r for r in self.rows if r.number == number and r.label != ANCHOR)

    def _fresh(self) -> Job | None:
        """The first configuration that is missing: all of them at one rung, then at the next."""
        for rung in self.rungs:
            for settings in self.order:
                if not self.ledger.tries(key_of(settings, rung)):
                    label = "" if self.ledger.entries else DEFAULT
                    return Job(self._free_number, settings, label, rung)
        return None

    def _look(self) -> Job | None:
        """The whole plan once more, of every configuration before any has it twice more."""
        for look in range(2, self.looks + 1):
            label = f"{LOOK}{look}"
            seen = {e.key for e in self.ledger.entries if e.label == label}
            for settings in self.order:
                if key_of(settings, WHOLE) not in seen:
                    return Job(self._free_number, settings, label)
        return None

    @property
    def _free_number(self) -> int:
        return 1 + max((row.number for row in self.rows), default=-1)

    @property
    def _total(self) -> int:
        """Launches in all, but for those that are made again."""
        return len(self.order) * (len(self.rungs) + self.looks - 1)

    @property
    def _left(self) -> int:
        keys = {e.key for e in self.ledger.entries}
        further = sum(e.label.startswith(LOOK) for e in self.ledger.entries)
        return self._total - len(keys) - further

    # --- measuring ---------------------------------------------------------------------------

    def _do(self, job: Job) -> None:
        """One launch, once more where others disturbed it."""
        while True:
            found = self.measurer.measure(
                Candidate(job.settings),
                self.rungs[job.rung],
                arm=arm_name(job.number),
                block=0,
                sink=self.shelf.log.append,
            )
            if not self.clean.again(found, times=TRIAL_TIMES, left_s=None):
                break
        row = self._row(found, job.number, job.rung, job.label)
        self._note(row)
        self._enter(row, found.records)
        self._jobs_done += 1
        self._progress(row)

    def _anchor(self) -> None:
        after = self.ledger.entries[-1].number
        found = self.anchors.measure(self.ledger, enough=len(self.anchors.plan.turns))
        self._note(self._row(found, after, WHOLE, ANCHOR))
        self._learn()
        drifts = self.anchors.drifts(self.ledger)
        shift = drifts[-1].shift if drifts else None
        wide = self.anchors.floor_width
        moved = "" if shift is None else f"the default's turns take {math.expm1(shift):+.1%}"
        words = moved or "too few turns to say whether the machine moved"
        doubt = "; trials since are measured again" if drifts and drifts[-1].disagrees(wide) else ""
        self.say(f"{anchor_name(after)}: {words}, noise floor {math.expm1(wide):.1%}{doubt}")

    def _learn(self) -> None:
        """The noise floor, by all whole runs of the default."""
        runs: dict[str, list[TurnRecord]] = {}
        for record in self.shelf.turns():
            if record.arm == arm_name(0) or is_anchor(record.arm):
                runs.setdefault(record.arm, []).append(record)
        whole = [run for run in runs.values() if len(run) == len(self.rungs[WHOLE].turns)]
        found = noise_floor(whole, measured_at=_now())
        self.floor = found or self.floor

    def _row(self, found: Measurement, number: int, rung: str, label: str) -> LaunchRow:
        return LaunchRow.of(found, number=number, rung=rung, label=label, at=_now())

    def _note(self, row: LaunchRow) -> None:
        self.shelf.add(row)
        self.rows.append(row)

    def _enter(self, row: LaunchRow, records: Sequence[TurnRecord]) -> None:
        value = None
        if row.failure is None:
            keys = frozenset(turn_keys(self.rungs[row.rung]))
            value = Judge(self.objective, keys).score(records).value
        self.ledger.add(
            Entry(
                row.number, key_of(row.settings, row.rung), COMPLETE if value else INFEASIBLE,
                value, row.label, row.settings, {}, {}, row.seconds.total_s, row.failure,
                row.reason, row.settings,
            )
        )  # fmt: skip

    def _restore(self) -> None:
        """Ledger and noise floor as the shelf tells them."""
        by_arm: dict[str, list[TurnRecord]] = {}
        for record in self.shelf.turns():
            by_arm.setdefault(record.arm, []).append(record)
        for row in self.shelf.rows():
            self.rows.append(row)
            if row.label != ANCHOR:
                self._enter(row, by_arm.get(row.arm, []))
        self._learn()

    # --- words -------------------------------------------------------------------------------

    @property
    def _since_anchor(self) -> int:
        looks = self.anchors.looks(self.ledger)
        if not self.anchor_every or not looks:
            return 0
        return sum(e.number > looks[-1].after for e in self.ledger.measured)

    def _progress(self, row: LaunchRow) -> None:
        entry = self.ledger.entries[-1]
        said = entry.failure if entry.value is None else f"{entry.value:.3f} s a turn"
        each_s = (time.monotonic() - self._began_s) / self._jobs_done
        self.say(
            f"[{self._total - self._left}/{self._total}] {row.label or row.arm} {row.rung}: "
            f"{row.seconds.total_s:.1f} s, {said}; "
            f"{each_s:.1f} s a configuration, {self._left * each_s / 60:.0f} min left"
        )

    def _told(self) -> dict[str, Any]:
        spent = sum(e.seconds for e in self.ledger.entries)
        spoiled = asdict(disturbed(self.shelf.turns(), self.cores))
        return {
            "configurations": len(self.order),
            "measured": len({e.key for e in self.ledger.entries if "-" not in e.key}),
            "left": self._left,
            "failed": sum(e.value is None for e in self.ledger.entries),
            "measured_again": sum(e.is_after_drift for e in self.ledger.entries),
            "seconds_a_launch": round(spent / max(1, len(self.ledger.entries)), 2),
            "engine_seconds": round(sum(r.seconds.total_s for r in self.rows), 1),
            "anchors": sum(r.label == ANCHOR for r in self.rows),
            "anchors_disagreed": len(self.anchors.broken(self.ledger)),
            "noise_floor": round(self.anchors.floor_width, 4),
            "disturbed": {name: n for name, n in spoiled.items() if name != "reasons"},
            "never_quiet": self.clean.gave_up,
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
