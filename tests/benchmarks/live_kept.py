"""A measurer that answers from the disk what was measured before, and keeps what it measures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from live_log import Launch, LaunchLog
from live_sides import Ask, Stopwatch

from autotune.records import TurnRecord
from autotune.trial.measurement import Measurement, Measurer


def _silent(_: str) -> None:
    """Says nothing."""


@dataclass(slots=True, kw_only=True)
class Kept:
    """`measurer` for one search, whose own seconds are on `clock`.

    A search decides the same when it is told the same at the same time. So one that is begun again
    is answered from `log`, with the clock put to what it showed, until it asks for more than was
    measured. Where it asks for something else (the code has changed), the log is kept up to there
    and `say` is told.
    """

    measurer: Measurer
    log: LaunchLog
    clock: Stopwatch
    say: Callable[[str], None] = _silent
    _next: int = 0

    @property
    def is_known(self) -> bool:
        """Whether the next launch was made before."""
        return self._next < len(self.log.launches)

    def measure(self, ask: Ask) -> Measurement:
        """Answer from the log, or measure and note it down."""
        known = self._known(ask)
        found = self._measured(ask) if known is None else self._told_again(known, ask)
        self._next += 1
        return found

    def _known(self, ask: Ask) -> Launch | None:
        if not self.is_known:
            return None
        known = self.log.launches[self._next]
        if known.is_of(ask.candidate, ask.plan, ask.arm, ask.block):
            return known
        self.say(f"{ask.arm} was another config before: measured anew from there")
        self.log.forget_from(self._next)
        return None

    def _told_again(self, known: Launch, ask: Ask) -> Measurement:
        records = self.log.records(known)
        self.clock.put(known.asked_s)
        for record, ended_s in zip(records, known.turns_s, strict=True):
            ask.enough()  # as it was asked before that turn
            self.clock.put(ended_s)
            ask.sink(record)
        if known.stopped_s is not None:
            self.clock.put(known.stopped_s)
            ask.enough()
        self.clock.put(known.ended_s)
        return known.measurement(records)

    def _measured(self, ask: Ask) -> Measurement:
        under_way = _UnderWay(ask, self._next, self.log, self.clock)
        asked_s = self.clock.now()
        self.clock.run()
        try:
            found = self.measurer.measure(
                ask.candidate,
                ask.plan,
                arm=ask.arm,
                block=ask.block,
                sink=under_way.take,
                enough=under_way.is_enough,
            )
        finally:
            self.clock.pause()
        self.log.add(under_way.launch(found, asked_s))
        return found


@dataclass(slots=True)
class _UnderWay:
    """One launch while it is measured: its turns as they come, and when."""

    ask: Ask
    number: int
    log: LaunchLog
    clock: Stopwatch
    turns_s: list[float] = field(default_factory=list)
    stopped_s: float | None = None

    def take(self, record: TurnRecord) -> None:
        """A turn has ended."""
        self.turns_s.append(self.clock.now())
        self.log.take(self.number, record)
        self.ask.sink(record)

    def is_enough(self) -> bool:
        """Whether the search has had enough, and when it first had."""
        said = self.ask.enough()
        if said and self.stopped_s is None:
            self.stopped_s = self.clock.now()
        return said

    def launch(self, found: Measurement, asked_s: float) -> Launch:
        """What is kept of it."""
        return Launch(
            number=self.number,
            arm=self.ask.arm,
            block=self.ask.block,
            settings=dict(self.ask.candidate.settings),
            plan=self.ask.plan.digest,
            asked_s=asked_s,
            turns_s=tuple(self.turns_s),
            stopped_s=self.stopped_s,
            ended_s=self.clock.now(),
            seconds=found.seconds,
            whole=found.whole,
            failure=found.failure,
            effective=dict(found.effective),
            telemetry=dict(found.telemetry),
            at=datetime.now(UTC).isoformat(timespec="seconds"),
        )
