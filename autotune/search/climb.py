"""One trial's way up the ladder: one launch, the rung ahead first, and an end when it cannot win.

A trial that a rung ends is stopped on the spot. One that goes on is replayed on the same server,
so that no rung costs a launch. What a rung showed never becomes the trial's value: that is of the
whole plan, or, of a trial that was stopped, an estimate that is no better than the best one's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from autotune.records import TurnRecord
from autotune.replay.plan import ReplayPlan
from autotune.replay.planning import ahead_of
from autotune.scoring.contaminated import MARK
from autotune.search.judge import Judge, Judged, TurnKey
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger
from autotune.search.pressure import Room
from autotune.search.promotion import is_promoted, others_on, wants_check
from autotune.search.race import DRIFT, Race
from autotune.search.rung_looks import (
    BEYOND,
    CHECKED,
    DROPPED,
    FREE,
    LOST,
    PROMOTED,
    RungLook,
    look_on,
    shift_between,
)
from autotune.search.rung_ranks import spread_of
from autotune.search.rungs import Rung
from autotune.trial.measurement import Measurement

PREFIX = "rung-"


def rung_arm(number: int) -> str:
    """How the records of trial `number` ahead of the plan are called in the turn log."""
    return f"{PREFIX}{number:04d}"


def is_rung(arm: str) -> bool:
    """Whether `arm` holds what was asked ahead of a plan."""
    return arm.startswith(PREFIX)


def turn_name(key: TurnKey) -> str:
    """How a look names a turn."""
    return f"{key[0]}/{key[1]}"


@dataclass(slots=True, kw_only=True)
class RungRun:
    """One rung of a trial under way. `free` decides nothing; `best` has the best one's turns.

    `beyond`: the candidate may gain by what no rung shows, so it is ended by nothing here.
    """

    rung: Rung
    judge: Judge
    ledger: Ledger
    best: Mapping[str, float]
    free: bool
    beyond: bool = False
    race: Race | None = None
    verdict: str | None = None
    _turns: dict[str, float] = field(default_factory=dict)
    _done: int = 0
    _seconds: float = 0.0

    def take(self, record: TurnRecord) -> None:
        """One more turn of the rung, of an order that counts from its own first turn."""
        self._done += 1
        self._seconds += record.wall_s or 0.0
        seconds = self._turn_seconds(record)
        if seconds is not None:
            self._turns[turn_name((record.session_id, record.turn))] = seconds
        if self.race is not None and not self.free:
            self.race.take(self._at_length(record))
        if self.race is not None and self.race.lost:
            self.verdict = LOST
        elif self._done == len(self.rung.plan.turns):
            self.verdict = self._decided()

    @property
    def shift(self) -> float | None:
        """The log of its time over the best one's by now."""
        return shift_between(self._turns, self.best)

    def look(self) -> RungLook | None:
        """What is kept of it; ``None`` for one that was left before its end by nothing of its own.

        Where sessions overlap, a rung took less than its turns add up to.
        """
        if self.verdict is None:
            return None
        seconds = self._seconds / self.rung.plan.concurrency if self.rung.ahead else 0.0
        return RungLook(
            rung=self.rung.name,
            turns=dict(self._turns),
            seconds=seconds,
            verdict=self.verdict,
            shift=self.shift,
        )

    def _decided(self) -> str:
        shift = self.shift
        if self.free or shift is None:
            return FREE
        if self.beyond:
            return BEYOND
        name = self.rung.name
        others = others_on(self.ledger, name, self.best)
        if is_promoted(shift, spread_of(self.ledger, name), others):
            return PROMOTED
        return CHECKED if wants_check(self.ledger, name) else DROPPED

    def _turn_seconds(self, record: TurnRecord) -> float | None:
        if record.mark == MARK:
            return None
        return self.judge.turn_seconds(self._at_length(record))

    def _at_length(self, record: TurnRecord) -> TurnRecord:
        """`record` as a turn with the reply that it stands for."""
        tokens = self.rung.reply_tokens.get((record.session_id, record.turn))
        return record if tokens is None else replace(record, asked_output_tokens=tokens)


@dataclass(slots=True, kw_only=True)
class Climb:
    """One measurement of one candidate. `race` is over the plan; ``None`` for the best itself.

    `target` is what the measurer is given; `plan` what the trial is judged by.
    """

    judge: Judge
    plan: ReplayPlan
    race: Race | None
    ahead: RungRun | None = None
    within: RungRun | None = None
    best_value: float | None = None
    rival: str = ""
    room: Room | None = None

    @property
    def target(self) -> ReplayPlan:
        """The rung ahead and the plan, of one launch."""
        if self.ahead is None or self.ahead.verdict is not None:
            return self.plan
        return ahead_of(self.ahead.rung.plan, self.plan)

    @property
    def is_over(self) -> bool:
        """Whether the rest need not be measured."""
        return self.ended is not None or (self.race is not None and self.race.lost)

    @property
    def ended(self) -> RungRun | None:
        """The rung that ended it."""
        runs = (run for run in (self.ahead, self.within) if run is not None)
        return next((run for run in runs if run.verdict in (DROPPED, LOST)), None)

    @property
    def looks(self) -> list[RungLook]:
        """What every rung showed that it came to the end of."""
        runs = (run for run in (self.ahead, self.within) if run is not None)
        return [look for run in runs if (look := run.look()) is not None]

    def take(self, record: TurnRecord) -> None:
        """One more turn of the plan."""
        if self.race is not None:
            if self.room is not None:
                self.room.take(record)
                self.race.is_patient = self.room.is_open
            self.race.take(record)
        if self.within is not None and self.within.verdict is None:
            self.within.take(record)

    def judged(self, measurement: Measurement) -> Judged | None:
        """The estimate for a trial that was left early; ``None`` for any other."""
        if measurement.failure is not None or measurement.whole:
            return None
        if (ended := self.ended) is not None:
            return self._left(ended, measurement)
        if self.race is not None and self.race.lost:
            return self.race.judged(measurement, len(self.plan.turns))
        return None

    def _left(self, ended: RungRun, measurement: Measurement) -> Judged:
        shift = max(0.0, ended.shift or 0.0)
        assert self.best_value is not None  # without a best one no rung decides anything
        reason = (
            f"left after the {ended.rung.name} rung: about {math.exp(shift):.2f} times "
            f"{self.rival}'s time"
        )
        score = self.judge.score(measurement.records) if measurement.records else None
        return Judged(score, self.best_value * math.exp(shift), None, reason, partial=True)


def climb(
    ladder: Ladder,
    ledger: Ledger,
    judge: Judge,
    plan: ReplayPlan,
    race: Race | None,
    *,
    free: bool,
    beyond: bool = False,
    room: Room | None = None,
) -> Climb:
    """A trial about to begin.

    `free`: no rung decides on it, as it is to be measured whole. `beyond`: nor because it may gain
    by what no rung shows; `room` then knows when it cannot any more.
    """
    best = ledger.best
    made = Climb(judge=judge, plan=plan, race=race, room=room)
    if race is not None:
        race.is_patient = room is not None
    if best is not None:
        made.best_value, made.rival = best.value, f"trial {best.number}"
    for rung in (ladder.ahead(ledger), ladder.within(ledger)):
        if rung is None:
            continue
        run = _run(rung, ledger, judge, free=free or best is None)
        if beyond:
            run.beyond, run.race = True, None
        if rung.ahead:
            made.ahead = run
        else:
            made.within = run
    return made


def _run(rung: Rung, ledger: Ledger, judge: Judge, *, free: bool) -> RungRun:
    best = ledger.best
    look = None if best is None else look_on(ledger.looks(best.key)[-1], rung.name)
    turns = {} if look is None else look.turns
    own = Judge(judge.objective, rung.scored)
    run = RungRun(rung=rung, judge=own, ledger=ledger, best=turns, free=free)
    if rung.ahead and not free and best is not None and best.value is not None:
        keyed = {key: turns[turn_name(key)] for key in rung.scored if turn_name(key) in turns}
        run.race = Race(own, f"trial {best.number}", best.value, keyed, at_the_end=DRIFT)
    return run


def split(measurement: Measurement, plan: ReplayPlan, target: ReplayPlan) -> Measurement:
    """`measurement` of `target` as one of `plan`: without what was asked ahead of it."""
    ahead = target.probe_turns
    if not ahead:
        return measurement
    own = tuple(own_turns(measurement.records, ahead))
    return replace(measurement, records=own, whole=len(own) == len(plan.turns))


def own_turns(records: Sequence[TurnRecord], ahead: int) -> Iterator[TurnRecord]:
    """The records behind the first `ahead` turns, in the plan's own order."""
    for record in records:
        if record.order >= ahead:
            yield replace(record, order=record.order - ahead)
