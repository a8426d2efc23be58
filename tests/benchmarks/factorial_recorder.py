"""Measures a factorial: what comes next is decided anew each time from what is on the shelf."""

from __future__ import annotations

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
from autotune.search.anchor import AGAIN_SHARE, Anchors, Drift, anchor_name, is_anchor
from autotune.search.factorial import WHOLE, measuring_order
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
    """One configuration to be measured, at these rungs."""

    number: int
    settings: Mapping[str, Setting]
    label: str
    rungs: tuple[str, ...]


def arm_of(number: int, rung: str) -> str:
    """The whole plan's launch is called as a trial is, so that anchors know the default's."""
    return arm_name(number) if rung == WHOLE else f"{arm_name(number)}-{rung}"


@dataclass(kw_only=True)
class Recorder:
    """`rungs` are the plans to replay, each on a launch of its own; the last one is `WHOLE`.

    `looks` is how often the whole plan is replayed in all; `say` takes lines of progress.
    """

    shelf: Shelf
    space: Space
    rungs: Mapping[str, ReplayPlan]
    judge: Judge
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
            objective=self.judge.objective,
            log=self.shelf.log,
            floor=lambda: self.floor,
            read_turns=self.shelf.turns,
        )

    def run(self, most: int | None) -> dict[str, Any]:
        """Measure until nothing is missing, or `most` configurations are new; then the figures."""
        self._restore()
        self._began_s = time.monotonic()
        self.say(f"{len(self.order)} configurations, {self._left} of them to be measured")
        while (most is None or self._jobs_done < most) and (job := self._next()) is not None:
            self._do(job)
            if self.anchors.is_due(self.ledger, None):
                self._anchor()
        if self._since_anchor:
            self._anchor()
        return self._told()

    # --- what comes next ---------------------------------------------------------------------

    def _next(self) -> Job | None:
        return self._unfinished() or self._after_drift() or self._fresh() or self._look()

    def _unfinished(self) -> Job | None:
        """A trial that a kill left between two of its launches."""
        rows = [row for row in self.rows if row.label != ANCHOR]
        if not rows or any(r.rung == WHOLE for r in rows if r.number == rows[-1].number):
            return None
        last = rows[-1]
        done = {r.rung for r in rows if r.number == last.number}
        rungs = tuple(name for name in self.rungs if name not in done)
        return Job(last.number, last.settings, last.label, rungs)

    def _after_drift(self) -> Job | None:
        """A trial between two looks at the default that disagree; a share of all, at most."""
        again = [e for e in self.ledger.measured if e.is_after_drift]
        if len(again) >= self.anchor_every + AGAIN_SHARE * len(self.ledger.measured):
            return None
        for drift in self.anchors.broken(self.ledger):
            for entry in self.ledger.measured:
                if self._is_doubtful(entry, drift):
                    label = f"{AGAIN}{arm_name(entry.number)}{AFTER_DRIFT}"
                    return Job(self._free_number, entry.settings, label, tuple(self.rungs))
        return None

    def _is_doubtful(self, entry: Entry, drift: Drift) -> bool:
        inside = drift.first < entry.number <= drift.last
        later = [e for e in self.ledger.tries(entry.key) if e.number > entry.number]
        return inside and not entry.is_after_drift and not any(e.is_after_drift for e in later)

    def _fresh(self) -> Job | None:
        number = self._fresh_done
        if number == len(self.order):
            return None
        label = "" if number else DEFAULT
        return Job(number, self.order[number], label, tuple(self.rungs))

    def _look(self) -> Job | None:
        """The whole plan once more, of every configuration before any has it twice more."""
        for look in range(2, self.looks + 1):
            label = f"{LOOK}{look}"
            seen = {e.key for e in self.ledger.entries if e.label == label}
            for settings in self.order:
                if Candidate(settings).key not in seen:
                    return Job(self._free_number, settings, label, (WHOLE,))
        return None

    @property
    def _fresh_done(self) -> int:
        return sum(e.label in {"", DEFAULT} for e in self.ledger.entries)

    @property
    def _free_number(self) -> int:
        """Above all configurations, so that a trial's number says which one it is."""
        return max([len(self.order) - 1, *(row.number for row in self.rows)]) + 1

    @property
    def _left(self) -> int:
        done = sum(e.label.startswith(LOOK) for e in self.ledger.entries)
        return len(self.order) * self.looks - self._fresh_done - done

    # --- measuring ---------------------------------------------------------------------------

    def _do(self, job: Job) -> None:
        for rung in job.rungs:
            row, records = self._launched(job, rung)
            self._note(row)
            if rung == WHOLE:
                self._enter(row, records)
        self._jobs_done += 1
        self._progress(job)

    def _launched(self, job: Job, rung: str) -> tuple[LaunchRow, Sequence[TurnRecord]]:
        """One launch, once more where others disturbed it."""
        while True:
            found = self.measurer.measure(
                Candidate(job.settings),
                self.rungs[rung],
                arm=arm_of(job.number, rung),
                block=0,
                sink=self.shelf.log.append,
            )
            if not self.clean.again(found, times=TRIAL_TIMES, left_s=None):
                return self._row(found, job.number, rung, job.label), found.records

    def _anchor(self) -> None:
        after = self.ledger.entries[-1].number
        found = self.anchors.measure(self.ledger, whole=True)
        self._note(self._row(found, after, WHOLE, ANCHOR))
        self._learn()
        drifts = self.anchors.drifts(self.ledger)
        shift = drifts[-1].shift if drifts else None
        wide = self.anchors.floor_width
        words = "too few turns to say" if shift is None else f"the machine moved by {shift:+.1%}"
        doubt = "; trials since are measured again" if drifts and drifts[-1].disagrees(wide) else ""
        self.say(f"{anchor_name(after)}: {words}, noise floor {wide:.1%}{doubt}")

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
        """The whole plan's launch ends a trial: only then the ledger knows of it."""
        good = row.failure is None
        value = self.judge.score(records).value if good else None
        seconds = sum(r.seconds.total_s for r in self.rows if r.number == row.number)
        self.ledger.add(
            Entry(
                row.number, Candidate(row.settings).key, COMPLETE if value else INFEASIBLE, value,
                row.label, row.settings, {}, {}, seconds, row.failure, row.reason, row.settings,
            )
        )  # fmt: skip

    def _restore(self) -> None:
        """Ledger and noise floor as the shelf tells them."""
        by_arm: dict[str, list[TurnRecord]] = {}
        for record in self.shelf.turns():
            by_arm.setdefault(record.arm, []).append(record)
        for row in self.shelf.rows():
            self.rows.append(row)
            if row.rung == WHOLE and row.label != ANCHOR:
                self._enter(row, by_arm.get(row.arm, []))
        self._learn()

    # --- words -------------------------------------------------------------------------------

    @property
    def _since_anchor(self) -> int:
        looks = self.anchors.looks(self.ledger)
        if not self.anchor_every or not looks:
            return 0
        return sum(e.number > looks[-1].after for e in self.ledger.measured)

    def _progress(self, job: Job) -> None:
        entry, total = self.ledger.entries[-1], len(self.order) * self.looks
        rows = [r for r in self.rows if r.number == job.number and r.label != ANCHOR]
        took = ", ".join(f"{r.rung} {r.seconds.total_s:.1f} s" for r in rows)
        said = entry.failure if entry.value is None else f"{entry.value:.3f} s a turn"
        each_s = (time.monotonic() - self._began_s) / self._jobs_done
        self.say(
            f"[{total - self._left}/{total}] {entry.label or arm_name(job.number)}: {took}; "
            f"{said}; {each_s:.1f} s a configuration, {self._left * each_s / 60:.0f} min left"
        )

    def _told(self) -> dict[str, Any]:
        spent = sum(e.seconds for e in self.ledger.entries)
        return {
            "configurations": len(self.order),
            "measured": self._fresh_done,
            "left": self._left,
            "failed": sum(e.value is None for e in self.ledger.entries),
            "measured_again": sum(e.is_after_drift for e in self.ledger.entries),
            "seconds_a_configuration": round(spent / max(1, len(self.ledger.entries)), 2),
            "engine_seconds": round(sum(r.seconds.total_s for r in self.rows), 1),
            "anchors": sum(r.label == ANCHOR for r in self.rows),
            "anchors_disagreed": len(self.anchors.broken(self.ledger)),
            "noise_floor": round(self.anchors.floor_width, 4),
            "disturbed": asdict(disturbed(self.shelf.turns(), self.cores)),
            "never_quiet": self.clean.gave_up,
        }


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
