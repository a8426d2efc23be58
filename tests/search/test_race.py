"""When a trial has lost, and what it is worth then; numbers worked out by hand."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.search.judge import Judge
from autotune.search.ledger import COMPLETE, Entry, Ledger
from autotune.search.race import DRIFT, LEAST_PAIRS, Lead, Race, drift_of
from autotune.trial.measurement import Measurement


def record(turn: int, seconds: float, *, arm: str = "x", **changed: object) -> TurnRecord:
    """A turn that took `seconds`: all of it TTFT but 10 tokens at 100 tok/s."""
    values: dict[str, object] = {
        "arm": arm, "block": 0, "order": turn, "session_id": "s", "turn": turn,
        "started_at": "2026-01-01T00:00:00+00:00", "asked_output_tokens": 10,
        "output_tokens": 10, "ttft_s": seconds - 0.1, "decode_tps": 100.0,
    }  # fmt: skip
    return TurnRecord(**{**values, **changed})  # type: ignore[arg-type]


JUDGE = Judge(Objective.TURN, frozenset(("s", turn) for turn in range(100)))


def raced(times: Sequence[float], best_s: float = 1.0, judge: Judge = JUDGE) -> Race:
    race = Race.against(judge, "trial 3", 1.0, [record(t, best_s) for t in range(100)])
    for turn, seconds in enumerate(times):
        race.take(record(turn, seconds))
    return race


def test_six_clear_losses_in_a_row_are_enough_and_five_are_not() -> None:
    # One-sided Wilcoxon: 1/32 after five, 1/64 after six; the chance allowed is 0.02.
    assert LEAST_PAIRS == 6
    assert not raced([1.5] * 5).lost
    assert raced([1.5] * 6).lost


def test_one_good_turn_among_six_is_a_doubt() -> None:
    # Ranks 1..6 with one negative of rank 1: p = 2/64.
    assert not raced([1.5, 1.4, 1.6, 0.97, 1.3, 1.7]).lost


def test_one_disturbed_turn_decides_nothing() -> None:
    race = raced([0.9, 0.9, 0.9, 0.9, 0.9, 30.0, 0.9])
    assert not race.lost
    assert race.ratio == pytest.approx(0.9)


def test_what_is_asked_falls_evenly_with_the_turns_done() -> None:
    # Of 100 turns: 1.15 - 0.17 * done / 100.
    for done, bar in ((0, 1.15), (50, 1.065), (100, 0.98)):
        assert raced([0.5] * done).bar == pytest.approx(bar)


def test_a_little_slower_is_taken_for_drift_at_first_and_for_a_loss_later() -> None:
    assert not raced([1.1] * 20).lost
    assert raced([1.1] * 40).lost


def test_no_better_is_lost_near_the_end_but_five_percent_better_goes_on() -> None:
    assert not raced([1.0] * 80).lost
    assert raced([1.0] * 95).lost
    assert not raced([0.95] * 100).lost


def test_on_a_machine_that_holds_still_the_bar_is_lower_and_falls_sooner() -> None:
    # A floor of 3%: 1.03 at first, and 0.98 after a fifth (0.03 / 0.15) of the 100 turns.
    steady = drift_of(math.log(1.03))
    assert steady == pytest.approx(1.03)
    for times, lost in (([1.05] * 6, True), ([1.01] * 8, False), ([1.0] * 30, True)):
        race = Race.against(JUDGE, "trial 3", 1.0, [record(t, 1.0) for t in range(100)], steady)
        for turn, seconds in enumerate(times):
            race.take(record(turn, seconds))
        assert race.lost is lost
    assert race.bar == pytest.approx(0.98)
    assert drift_of(0.5) == drift_of(math.inf) == DRIFT


def test_a_patient_race_stops_what_is_clearly_slower_and_nothing_else() -> None:
    race = raced([])
    race.is_patient = True
    for turn in range(90):
        race.take(record(turn, 1.0))
    assert not race.lost
    assert race.bar == DRIFT
    race.is_patient = False
    race.take(record(90, 1.0))
    assert race.lost


@given(st.lists(st.floats(0.2, 0.979), min_size=1, max_size=100))
def test_a_trial_whose_median_turn_gains_is_never_stopped(times: list[float]) -> None:
    assert not raced(times).lost


def test_the_estimate_is_the_best_value_times_the_median_ratio() -> None:
    race = Race.against(JUDGE, "trial 3", 0.5, [record(t, 1.0) for t in range(10)])
    for turn, seconds in enumerate((1.2, 1.5, 1.3)):
        race.take(record(turn, seconds))
    assert race.estimate == pytest.approx(0.65)


def test_an_estimate_never_beats_what_was_measured() -> None:
    assert raced([0.5]).estimate == pytest.approx(1.0)


@pytest.mark.parametrize(
    "other",
    [
        record(0, 9.0, session_id="elsewhere"),
        record(0, 9.0, boundary="compaction"),
        record(0, 9.0, failure="crash"),
        record(0, 9.0, ttft_s=None),
        record(0, 9.0, decode_tps=None),
    ],
)
def test_turns_that_are_not_scored_do_not_race(other: TurnRecord) -> None:
    race = raced([])
    for _ in range(20):
        race.take(other)
    assert not race.lost
    assert race.ratio == 1.0


def test_each_objective_races_on_its_own_time() -> None:
    quick_decode = [record(t, 1.5, decode_tps=1000.0) for t in range(8)]
    for objective, lost in ((Objective.TTFT, True), (Objective.DECODE, False)):
        race = raced([], judge=Judge(objective, JUDGE.at_depth))
        for one in quick_decode:
            race.take(one)
        assert race.lost is lost, objective


def test_the_verdict_on_a_stopped_trial_is_an_estimate_and_says_so() -> None:
    race = raced([1.5] * 6)
    records = tuple(record(t, 1.5) for t in range(6))
    measurement = Measurement(Candidate({}), "x", 0, records, None, whole=False)
    judged = race.judged(measurement, 36)
    assert judged.partial
    assert judged.value == pytest.approx(1.5)
    assert judged.reason == "stopped after 6 of 36 turns: about 1.50 times trial 3's time"
    assert judged.failure is None


def known(*numbers: int, value: float = 2.0) -> Ledger:
    """Trials of one candidate, each worth `value`."""
    made = Ledger()
    for number in numbers:
        made.add(Entry(number, "k", COMPLETE, value, "", {}, {}, {}, 1.0, None, None))
    return made


def test_the_lead_reads_the_log_when_a_study_goes_on_and_is_told_afterwards() -> None:
    asked = []

    def read() -> list[TurnRecord]:
        asked.append(1)
        return [record(0, 2.0, arm="trial-0004"), record(0, 9.0, arm="trial-0005")]

    lead = Lead(JUDGE, read)
    assert lead.race(Ledger()) is None
    first = lead.race(known(4))
    assert first is not None
    assert first.best == {("s", 0): pytest.approx(2.0)}
    assert first.best_value == 2.0
    assert lead.race(known(4)) is not None
    assert len(asked) == 1
    lead.note(6, [record(0, 1.0)])
    second = lead.race(known(6))
    assert second is not None
    assert math.isclose(second.best["s", 0], 1.0)
    assert len(asked) == 1


def test_after_a_second_look_the_race_is_against_that_one() -> None:
    turns = [record(0, 2.0, arm="trial-0004"), record(0, 3.0, arm="trial-0009")]
    race = Lead(JUDGE, lambda: turns).race(known(4, 9))
    assert race is not None
    assert race.name == "trial 4"
    assert race.best == {("s", 0): pytest.approx(3.0)}
