"""Engine-seconds as a clock: hours of measuring pass in the moment it takes to look them up.

A search that runs on a recorded or a simulated measurer keeps its budget by this clock; a real one
by ``time.monotonic``. Both are asked the same way: ``Budget(clock=clock, started_s=clock())``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Enough, Measurement, Measurer, RecordSink, never


@dataclass(slots=True)
class VirtualClock:
    """Seconds since it was made; they pass when somebody says so. Called, it tells the time."""

    _now_s: float = 0.0

    def now(self) -> float:
        """Seconds that have passed."""
        return self._now_s

    def __call__(self) -> float:
        """`now`: what a budget takes for its clock."""
        return self._now_s

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass. Raises ``ValueError`` for less than none: a clock never goes back."""
        if seconds < 0.0:
            raise ValueError(f"a clock cannot go back by {-seconds} s")
        self._now_s += seconds


@dataclass(slots=True)
class ClockedMeasurer:
    """A measurer whose seconds pass on `clock`.

    Where sessions do not overlap, each turn's seconds pass before its record is handed on, so that
    a budget can be watched from within a trial; load, warm-up and stop pass at the end. In all
    the measurement's total passes, and never less than its turns took.
    """

    measurer: Measurer
    clock: VirtualClock = field(default_factory=VirtualClock)

    def measure(
        self,
        candidate: Candidate,
        plan: ReplayPlan,
        *,
        arm: str,
        block: int,
        sink: RecordSink,
        enough: Enough = never,
    ) -> Measurement:
        """What `measurer` says; the clock has then moved on by its seconds."""
        began_s = self.clock.now()

        def take(record: TurnRecord) -> None:
            if plan.concurrency == 1:
                self.clock.advance(record.wall_s or 0.0)
            sink(record)

        found = self.measurer.measure(
            candidate, plan, arm=arm, block=block, sink=take, enough=enough
        )
        passed_s = self.clock.now() - began_s
        self.clock.advance(max(0.0, found.seconds.total_s - passed_s))
        return found
