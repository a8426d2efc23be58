"""What a trial leaves on the way up the ladder: in the turn log, in Optuna, and for a retry.

Turns of a rung ahead of the plan are kept under an arm of their own (``rung-0007`` beside
``trial-0007``): whoever reads a trial's turns reads the plan's.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from autotune.records import TurnRecord
from autotune.search.climb import Climb, RungRun, rung_arm
from autotune.search.events import Listener, TurnDone
from autotune.search.rung_looks import RungLook
from autotune.search.rungs import DEEP, SESSIONS
from autotune.search.sink import turn_sink
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import RecordSink

if TYPE_CHECKING:
    from optuna import Trial

STEPS = (DEEP, SESSIONS)
"""Which step of a trial a rung is, to Optuna."""


def climb_sink(climb: Climb, log: TurnLog, listener: Listener, number: int) -> RecordSink:
    """Where the turns of `climb.target` go: onto the disk, to whoever watches, to its rungs."""
    ahead = climb.target.probe_turns
    plan_sink = turn_sink(log, listener, len(climb.plan.turns))

    def take(record: TurnRecord) -> None:
        if climb.ahead is not None and record.order < ahead:
            log.append(replace(record, arm=rung_arm(number)))
            name, done = climb.ahead.rung.name, record.order + 1
            listener(TurnDone(done, ahead, record.ttft_s, record.decode_tps, name))
            climb.ahead.take(record)
            return
        own = replace(record, order=record.order - ahead) if ahead else record
        plan_sink(own)
        climb.take(own)

    return take


def go_on(
    climb: Climb, log: TurnLog, turns: Iterable[TurnRecord], cut_short: int, number: int
) -> None:
    """Let trial `number` begin behind the rung that trial `cut_short` had come to the end of.

    `turns` is every record of the study. Where that one was killed on the rung, nothing is done.
    """
    if climb.ahead is None:
        return
    for record in finished_rung(climb.ahead, turns, cut_short):
        log.append(replace(record, arm=rung_arm(number)))
        climb.ahead.take(record)


def finished_rung(run: RungRun, turns: Iterable[TurnRecord], number: int) -> Sequence[TurnRecord]:
    """The turns of trial `number` on the rung of `run`, if it has all of them."""
    arm = rung_arm(number)
    found = {record.order: record for record in turns if record.arm == arm and record.ok}
    asked = [(p.turn.session_id, p.turn.index) for p in run.rung.plan.turns]
    told = [found[order] for order in sorted(found)]
    return told if [(r.session_id, r.turn) for r in told] == asked else ()


def report_looks(trial: Trial, looks: Sequence[RungLook]) -> None:
    """Tell Optuna what each rung showed, as an intermediate value; never as the trial's own."""
    for look in looks:
        if look.value_s is not None:
            trial.report(look.value_s, STEPS.index(look.rung))
