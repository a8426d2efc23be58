"""What a run's events amount to."""

from __future__ import annotations

from dataclasses import replace

from autotune.report import lines
from autotune.report.state import RunState
from autotune.search.events import ConfirmStarted, Event, Prepared, TrialFinished


class Watch:
    """A clock set by hand."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_counts_best_and_baseline(events: list[Event]) -> None:
    state = RunState(Watch())
    for event in events:
        state.apply(event)
    assert (state.trials_done, state.failed) == (3, 1)
    assert state.baseline is events[3]
    assert state.best is events[5]
    assert state.against_baseline(0.775) == 2.0
    assert state.against_baseline(None) is None
    assert (len(state.blocks), state.confirm_blocks_wanted) == (2, 6)
    assert state.running is None


def test_the_time_left_runs_down_and_never_below_zero(prepared: Prepared) -> None:
    watch = Watch()
    state = RunState(watch)
    assert state.seconds_left is None
    state.apply(prepared)
    watch.now = 100.0
    assert state.seconds_left == 500.0
    watch.now = 1000.0
    assert state.seconds_left == 0.0
    state.apply(replace(prepared, budget_s=None))
    assert state.seconds_left is None


def test_a_continued_study_knows_its_best_by_value(prepared: Prepared) -> None:
    state = RunState(Watch())
    state.apply(replace(prepared, trials_done=5))
    finished = TrialFinished(
        number=6,
        changes={"a": 1},
        turn_s=2.0,
        ttft_p50_s=1.0,
        decode_p50_tps=9.0,
        value=2.0,
        seconds=1.0,
        best_number=3,
        best_value=1.5,
        trials_done=6,
    )
    assert lines.best(state) == ""
    state.apply(finished)
    assert state.trials_done == 6
    assert lines.best(state) == "best #3 at 1.50"
    assert "the default" not in lines.figures(finished, state)


def test_sentences_for_the_odd_cases(prepared: Prepared) -> None:
    state = RunState(Watch())
    assert lines.activity(state) == "preparing"
    facts = dict(lines.header(replace(prepared, trials_done=1, held_out_sessions=0)))
    assert facts["study"] == "tiny in studies/tiny (continued, 1 trial so far)"
    assert facts["workload"].startswith("6 sessions, 48 turns")
    unbounded = dict(lines.header(replace(prepared, trials_wanted=None, budget_s=None)))
    assert unbounded["search"] == "18 parameters, until stopped"
    assert lines.trial_label(3, 4, None) == "trial #3 (4)"
    again = lines.confirm_start(ConfirmStarted(("default", "b"), 1, False, 1))
    assert "the same sessions (none to hold out): 1 session, up to 1 block each" in again
