"""One trial's way up the ladder; numbers worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from rung_plans import ledger_of, rungs, talk, trial

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.replay.plan import PlannedTurn, ReplayPlan
from autotune.scoring.contaminated import MARK
from autotune.scoring.objective import Objective
from autotune.search.climb import Climb, climb, is_rung, rung_arm, split, turn_name
from autotune.search.judge import Judge
from autotune.search.ladder import Ladder
from autotune.search.ledger import Ledger
from autotune.search.pressure import Room
from autotune.search.race import Race
from autotune.search.rung_looks import BEYOND, DROPPED, FREE, LOST, PROMOTED, RungLook
from autotune.search.rungs import DEEP, SESSIONS, Rung
from autotune.trial.measurement import Measurement

PLAN = talk()
DEEP_RUNG, SESSIONS_RUNG, WHOLE_RUNG = rungs()
JUDGE = Judge(Objective.TURN, WHOLE_RUNG.scored)
LADDER = Ladder((DEEP_RUNG, SESSIONS_RUNG, WHOLE_RUNG))


def best_look(rung: Rung, seconds: float = 1.0) -> RungLook:
    turns = {turn_name(key): seconds for key in rung.scored}
    return RungLook(rung=rung.name, turns=turns, seconds=10.0)


def known() -> Ledger:
    """The default, whose every scored turn took a second; worth 2 s over the plan."""
    looks = best_look(DEEP_RUNG), best_look(SESSIONS_RUNG)
    return ledger_of([trial(0, 2.0, *looks, label="default")])


def record(planned: PlannedTurn, seconds: float, **changed: object) -> TurnRecord:
    """A turn whose whole reply of 50 tokens takes `seconds` with 0.5 s of TTFT."""
    values: dict[str, object] = {
        "arm": "trial-0001", "block": 0, "order": planned.order,
        "session_id": planned.turn.session_id, "turn": planned.turn.index,
        "started_at": "2026-01-01T00:00:00+00:00", "asked_output_tokens": planned.output_tokens,
        "output_tokens": planned.output_tokens, "ttft_s": 0.5, "decode_tps": 50 / (seconds - 0.5),
        "wall_s": 1.0,
    }  # fmt: skip
    return TurnRecord(**{**values, **changed})  # type: ignore[arg-type]


def begun(ledger: Ledger | None = None, *, free: bool = False, race: Race | None = None) -> Climb:
    known_now = known() if ledger is None else ledger
    return climb(LADDER, known_now, JUDGE, PLAN, race, free=free)


def ask_ahead(made: Climb, *seconds: float) -> None:
    """The rung ahead, its scored turns taking these seconds, over and over."""
    assert made.ahead is not None
    scored = 0
    for planned in made.ahead.rung.plan.turns:
        if made.is_over:
            return
        is_scored = (planned.turn.session_id, planned.turn.index) in made.ahead.rung.scored
        made.ahead.take(record(planned, seconds[scored % len(seconds)]))
        scored += is_scored


def ask_plan(made: Climb, plan: ReplayPlan, seconds: float) -> int:
    for at, planned in enumerate(plan.turns):
        if made.is_over:
            return at
        made.take(record(planned, seconds))
    return len(plan.turns)


def test_a_trial_is_one_launch_the_rung_ahead_first() -> None:
    target = begun().target
    ahead = len(DEEP_RUNG.plan.turns)
    assert target.probe_turns == ahead
    assert len(target.turns) == ahead + len(PLAN.turns)
    assert [p.turn.session_id for p in target.turns[ahead:]] == [
        p.turn.session_id for p in PLAN.turns
    ]


def test_one_that_looks_as_fast_goes_on_and_pays_for_the_rung() -> None:
    made = begun()
    ask_ahead(made, 1.0, 0.99)
    assert not made.is_over
    (look,) = made.looks
    assert (look.rung, look.verdict) == (DEEP, PROMOTED)
    assert look.seconds == len(DEEP_RUNG.plan.turns)
    assert set(look.turns) == {turn_name(key) for key in DEEP_RUNG.scored}


def test_short_replies_are_reckoned_at_their_whole_length() -> None:
    made = begun()
    ask_ahead(made, 1.5)
    (look,) = made.looks
    # 32 tokens were asked; 0.5 s and 50 tokens at 50 a second are what the turn stands for.
    assert list(look.turns.values()) == [pytest.approx(1.5)] * len(look.turns)


def test_one_that_looks_slower_than_the_rung_is_wrong_is_dropped_with_an_estimate() -> None:
    made = begun()
    ask_ahead(made, 1.08, 1.12)
    assert made.is_over
    (look,) = made.looks
    assert look.verdict == DROPPED
    left = Measurement(Candidate({}), "trial-0001", 0, (), None, whole=False)
    judged = made.judged(left)
    assert judged is not None
    assert judged.partial
    assert judged.score is None
    # The default's 2 s times the ratio in the middle: sqrt(1.08 * 1.12).
    assert judged.value == pytest.approx(2.0 * math.sqrt(1.08 * 1.12), rel=1e-3)
    assert judged.reason == "left after the deep rung: about 1.10 times trial 0's time"


def test_a_hopeless_one_loses_before_the_rung_ends() -> None:
    made = begun()
    ask_ahead(made, 1.8)
    (look,) = made.looks
    assert look.verdict == LOST
    assert look.seconds < len(DEEP_RUNG.plan.turns)


def test_an_estimate_is_never_better_than_the_best_one() -> None:
    made = begun()
    assert made.within is not None
    made.within.verdict = DROPPED
    made.within._turns = {turn_name(key): 0.5 for key in SESSIONS_RUNG.scored}
    judged = made.judged(Measurement(Candidate({}), "x", 0, (), None, whole=False))
    assert judged is not None
    assert judged.value == pytest.approx(2.0)


def test_the_plan_is_left_at_the_end_of_its_first_rung() -> None:
    made = begun()
    ask_ahead(made, 0.9)
    done = ask_plan(made, PLAN, 1.05)
    assert done == len(SESSIONS_RUNG.plan.turns)
    assert [(look.rung, look.verdict) for look in made.looks] == [
        (DEEP, PROMOTED), (SESSIONS, DROPPED),
    ]  # fmt: skip
    assert made.looks[1].seconds == 0.0


def test_one_that_may_gain_by_what_no_rung_shows_is_ended_by_none() -> None:
    made = climb(LADDER, known(), JUDGE, PLAN, None, free=False, beyond=True)
    ask_ahead(made, 3.0)
    assert ask_plan(made, PLAN, 3.0) == len(PLAN.turns)
    assert [look.verdict for look in made.looks] == [BEYOND, BEYOND]


def test_the_race_waits_while_a_candidate_may_gain_by_room() -> None:
    race = Race(JUDGE, "trial 0", 2.0, dict.fromkeys(JUDGE.at_depth, 1.0))
    room = Room(frozenset(JUDGE.at_depth))
    made = climb(LADDER, known(), JUDGE, PLAN, race, free=False, beyond=True, room=room)
    assert race.is_patient
    ask_ahead(made, 1.0)
    # No slower than the best one, and not a turn says what was reused: it may gain at any of them.
    assert ask_plan(made, PLAN, 1.0) == len(PLAN.turns)
    assert room.is_open
    assert not race.lost


def test_what_is_to_be_measured_whole_is_decided_by_no_rung() -> None:
    made = begun(free=True)
    ask_ahead(made, 9.0)
    assert ask_plan(made, PLAN, 9.0) == len(PLAN.turns)
    assert [look.verdict for look in made.looks] == [FREE, FREE]


def test_the_default_is_asked_on_every_rung_and_compared_with_nothing() -> None:
    made = climb(LADDER, Ledger(), JUDGE, PLAN, None, free=True)
    ask_ahead(made, 1.0)
    assert ask_plan(made, PLAN, 1.0) == len(PLAN.turns)
    assert [look.shift for look in made.looks] == [None, None]


def test_turns_that_others_disturbed_are_not_compared() -> None:
    made = begun()
    assert made.ahead is not None
    for planned in DEEP_RUNG.plan.turns:
        made.ahead.take(record(planned, 9.0, mark=MARK))
    (look,) = made.looks
    assert (look.verdict, look.turns, look.shift) == (FREE, {}, None)


def test_a_lost_race_over_the_plan_is_told_as_before() -> None:
    race = Race(JUDGE, "trial 0", 2.0, dict.fromkeys(JUDGE.at_depth, 1.0))
    made = begun(race=race)
    ask_ahead(made, 1.0)
    done = ask_plan(made, PLAN, 1.9)
    assert race.lost
    kept = tuple(record(p, 1.9) for p in PLAN.turns[:done])
    judged = made.judged(Measurement(Candidate({}), "x", 0, kept, None, whole=False))
    assert judged is not None
    assert str(judged.reason).startswith(f"stopped after {done} of {len(PLAN.turns)} turns")


def test_a_whole_trial_and_a_failed_one_are_not_the_ladders_to_judge() -> None:
    made = begun()
    assert made.judged(Measurement(Candidate({}), "x", 0, (), None, whole=True)) is None


def test_a_measurement_is_split_into_the_rung_and_the_plan() -> None:
    target = begun().target
    records = tuple(record(p, 1.0) for p in target.turns)
    both = Measurement(Candidate({}), "trial-0001", 0, records, None)
    own = split(both, PLAN, target)
    assert own.whole
    assert [(r.order, r.session_id) for r in own.records] == [
        (p.order, p.turn.session_id) for p in PLAN.turns
    ]
    cut = split(replace(both, records=records[:-1]), PLAN, target)
    assert not cut.whole
    assert split(both, PLAN, PLAN) is both


def test_records_of_a_rung_have_an_arm_of_their_own() -> None:
    assert rung_arm(7) == "rung-0007"
    assert is_rung("rung-0007")
    assert not is_rung("trial-0007")
