"""What a climb leaves on the disk and in Optuna, and what a retry takes up."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import optuna
from rung_plans import look, rungs, talk

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.search.climb import Climb, climb
from autotune.search.climb_log import climb_sink, finished_rung, go_on, report_looks
from autotune.search.events import Event, TurnDone
from autotune.search.judge import Judge
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger
from autotune.search.rungs import SESSIONS

PLAN = talk()
RUNGS = rungs()
AHEAD = len(RUNGS[0].plan.turns)


@dataclass
class Log:
    """A turn log in memory."""

    records: list[TurnRecord] = field(default_factory=list)

    def append(self, record: TurnRecord) -> None:
        self.records.append(record)


def begun() -> Climb:
    return climb(
        Ladder(RUNGS), Ledger(), Judge(Objective.TURN, RUNGS[-1].scored), PLAN, None, free=True
    )


def records_of(made: Climb) -> list[TurnRecord]:
    return [
        TurnRecord(
            arm="trial-0003", block=0, order=p.order, session_id=p.turn.session_id,
            turn=p.turn.index, started_at="", asked_output_tokens=p.output_tokens,
            output_tokens=p.output_tokens, ttft_s=1.0, decode_tps=10.0, wall_s=2.0,
        )
        for p in made.target.turns
    ]  # fmt: skip


def test_turns_of_the_rung_and_of_the_plan_are_kept_apart() -> None:
    made, log, events = begun(), Log(), list[Event]()
    take = climb_sink(made, log, events.append, 3)  # type: ignore[arg-type]
    for record in records_of(made):
        take(record)
    arms = [r.arm for r in log.records]
    assert arms == ["rung-0003"] * AHEAD + ["trial-0003"] * len(PLAN.turns)
    assert [r.order for r in log.records] == [*range(AHEAD), *range(len(PLAN.turns))]
    told = [e for e in events if isinstance(e, TurnDone)]
    assert [(e.done, e.total, e.rung) for e in told[AHEAD - 1 : AHEAD + 1]] == [
        (AHEAD, AHEAD, "deep"), (1, len(PLAN.turns), ""),
    ]  # fmt: skip


def test_a_retry_goes_on_behind_the_rung_that_was_finished() -> None:
    first, log = begun(), Log()
    take = climb_sink(first, log, lambda _: None, 3)  # type: ignore[arg-type]
    for record in records_of(first)[: AHEAD + 5]:
        take(record)
    again = begun()
    assert again.target.probe_turns == AHEAD
    go_on(again, log, list(log.records), 3, 4)  # type: ignore[arg-type]
    assert again.target == PLAN
    assert [look.rung for look in again.looks] == ["deep"]
    # Kept once more under its own number: a retry of the retry finds it there.
    assert sum(r.arm == "rung-0004" for r in log.records) == AHEAD


def test_a_rung_that_was_cut_short_or_failed_is_asked_again() -> None:
    made, log = begun(), Log()
    take = climb_sink(made, log, lambda _: None, 3)  # type: ignore[arg-type]
    for record in records_of(made)[: AHEAD - 1]:
        take(record)
    assert made.ahead is not None
    assert finished_rung(made.ahead, log.records, 3) == ()
    again = begun()
    go_on(again, log, log.records, 3, 4)  # type: ignore[arg-type]
    assert again.target.probe_turns == AHEAD
    whole = [*log.records, replace(records_of(made)[AHEAD - 1], arm="rung-0003", failure="hang")]
    assert finished_rung(made.ahead, whole, 3) == ()


def test_optuna_is_told_of_rungs_as_steps_and_never_as_a_value() -> None:
    study = optuna.create_study()
    trial = study.ask()
    report_looks(trial, [look(1.0, rung=SESSIONS), look(2.0)])
    frozen = study.trials[0]
    assert frozen.intermediate_values == {0: 4.0, 1: 2.0}
    assert frozen.value is None
