"""A machine whose engine answers by the formula of `analytic_setup`, on a clock that it moves."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import Any

from analytic_setup import Analytic

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.trial.measurement import Measurement, RecordSink
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

TURNS_BEFORE = 3


@dataclass
class TickingMachine:
    """At launch `dies_at` it is interrupted behind the third turn.

    `launches` are arm and block of each, `threads` those in which it was asked.
    """

    clock: VirtualClock = field(default_factory=VirtualClock)
    dies_at: int | None = None
    launches: list[tuple[str, int]] = field(default_factory=list)
    threads: set[int] = field(default_factory=set)

    def measure(
        self, candidate: Candidate, plan: ReplayPlan, *, sink: RecordSink, **more: Any
    ) -> Measurement:
        dies = len(self.launches) == self.dies_at
        seen: list[TurnRecord] = []

        def take(record: TurnRecord) -> None:
            if dies and len(seen) == TURNS_BEFORE:
                raise KeyboardInterrupt
            seen.append(record)
            sink(record)

        self.launches.append((more["arm"], more["block"]))
        self.threads.add(threading.get_ident())
        clocked = ClockedMeasurer(Analytic(), self.clock)
        return clocked.measure(candidate, plan, sink=take, **more)
