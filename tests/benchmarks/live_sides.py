"""Two searches on one machine, measurement by measurement: who has used less time goes next.

Each search runs in a thread of its own, but only one of them moves at a time, and none while an
engine is measured: what a search thinks counts as its own time and disturbs no measurement. All
measurements are made in the calling thread, so that Ctrl-C ends one at once and its engine with it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from queue import SimpleQueue

from autotune.candidate import Candidate
from autotune.replay.plan import ReplayPlan
from autotune.strategies.seam import Pick
from autotune.trial.measurement import Enough, Measurement, Measurer, RecordSink, never
from autotune.trial.virtual_clock import VirtualClock

HALT_EVERY_S = 0.05
"""How often a search that is to end is told so: it may be thinking when it is told first."""


class HaltedError(Exception):
    """Raised in a search, from its measurer: it is to end where it is."""


@dataclass(slots=True)
class Stopwatch(VirtualClock):
    """A search's own seconds: they pass by `ticks`, and only between `run` and `pause`."""

    ticks: Callable[[], float] = time.monotonic
    _began_s: float | None = None

    def now(self) -> float:
        """Seconds that have passed."""
        running_s = 0.0 if self._began_s is None else self.ticks() - self._began_s
        return self._now_s + running_s

    def __call__(self) -> float:
        """`now`: what a budget takes for its clock."""
        return self.now()

    def run(self) -> None:
        """Let time pass; running already, nothing changes."""
        if self._began_s is None:
            self._began_s = self.ticks()

    def pause(self) -> None:
        """Let it pass no more."""
        self._now_s, self._began_s = self.now(), None

    def put(self, seconds: float) -> None:
        """Pause, and show `seconds`: the time at which something was measured once."""
        self._now_s, self._began_s = seconds, None


@dataclass(frozen=True, slots=True)
class Ask:
    """What a search wants to have measured."""

    candidate: Candidate
    plan: ReplayPlan
    arm: str
    block: int
    sink: RecordSink
    enough: Enough


Search = Callable[[Measurer], list[Pick]]
"""A search, given what measures for it; what it would have recommended, in order."""


class Side:
    """One search: a measurer to itself, and to `interleave` what asks and is answered.

    `asking` is what it waits for; ``None`` while it thinks and once it has ended.
    """

    def __init__(self, name: str, search: Search, clock: Stopwatch) -> None:
        self.name, self.clock = name, clock
        self.asking: Ask | None = None
        self._search = search
        self._asks: SimpleQueue[Ask | None] = SimpleQueue()
        self._answers: SimpleQueue[Measurement | HaltedError] = SimpleQueue()
        self._pool = ThreadPoolExecutor(max_workers=1, thread_name_prefix=name)
        self._future: Future[list[Pick]] | None = None

    @property
    def picks(self) -> list[Pick]:
        """Of a search that has ended; raises what it raised."""
        assert self._future is not None
        return self._future.result()

    def begin(self) -> None:
        """Let it think until it asks for the first time, or ends."""
        self.clock.run()
        self._future = self._pool.submit(self._search, self)
        self._future.add_done_callback(lambda _: self._asks.put(None))
        self._hear()

    def answer(self, measurement: Measurement) -> None:
        """Let it go on until it asks again, or ends. Raises what the search raises."""
        self.asking = None
        self.clock.run()
        self._answers.put(measurement)
        self._hear()

    def halt(self) -> None:
        """End it wherever it is; when this returns, its thread is gone."""
        while self._future is not None and not self._future.done():
            self._answers.put(HaltedError())
            wait([self._future], timeout=HALT_EVERY_S)
        self._pool.shutdown()
        self.clock.pause()

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
        """For the search: wait for its turn, and for what it asks. Raises `HaltedError`."""
        self._asks.put(Ask(candidate, plan, arm, block, sink, enough))
        answer = self._answers.get()
        if isinstance(answer, HaltedError):
            raise answer
        return answer

    def _hear(self) -> None:
        self.asking = self._asks.get()
        self.clock.pause()
        if self.asking is None:
            _ = self.picks


def interleave(sides: Sequence[Side], measure: Callable[[Side, Ask], Measurement]) -> None:
    """Answer `sides` by `measure` until all have ended, always the one with the fewest seconds.

    Of equals the first goes first. Raises what a search or a measurement raises; whatever happens,
    no search goes on when this returns.
    """
    try:
        for side in sides:
            side.begin()
        while waiting := [side for side in sides if side.asking is not None]:
            side = min(waiting, key=lambda one: one.clock.now())
            assert side.asking is not None
            side.answer(measure(side, side.asking))
    finally:
        for side in sides:
            side.halt()
