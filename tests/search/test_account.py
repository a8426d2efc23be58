"""Every second of a study is somewhere, and the parts sum to the wall time."""

from __future__ import annotations

from pathlib import Path

import pytest
from formula import FormulaMeasurer, plan_of
from hypothesis import given
from hypothesis import strategies as st

from autotune.candidate import Candidate
from autotune.search.account import Account, Booked, open_account, parts_of
from autotune.study.folder import StudyFolder
from autotune.trial.measurement import TrialSeconds
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

SECONDS = TrialSeconds(
    load_s=10.0, warm_up_s=1.0, replay_s=30.0, stop_s=2.0, after_s=3.0, quality_s=4.0
)


def test_a_trial_is_split_and_other_arms_are_booked_whole() -> None:
    parts = parts_of("trial-0003", SECONDS)
    assert parts == {"load": 12.0, "prime": 1.0, "measure": 30.0, "quality": 4.0, "questions": 3.0}
    assert parts_of("anchor-0003", SECONDS) == {"re-measure": 50.0}
    assert parts_of("confirm-0008-default", SECONDS) == {"confirm": 50.0}
    assert parts_of("heat-0008-trial-0003", SECONDS) == {"confirm": 50.0}


def test_what_was_set_aside_moves_to_measured_again() -> None:
    clock = VirtualClock()
    account = Account(clock, 0.0)
    for _ in range(3):
        clock.advance(50.0)
        account.measured("trial-0001", 0, parts_of("trial-0001", SECONDS))
    assert account.parts() == {
        "load": 12.0, "prime": 1.0, "measure": 30.0, "quality": 4.0, "questions": 3.0,
        "re-measure": 100.0,
    }  # fmt: skip


def test_what_is_booked_nowhere_is_overhead() -> None:
    clock = VirtualClock()
    account = Account(clock, 0.0)
    clock.advance(20.0)
    account.book("setup", 15.0)
    assert account.told() == {"setup": 15.0, "overhead": 5.0, "total": 20.0}


def test_a_stage_is_timed_without_what_was_booked_inside() -> None:
    clock = VirtualClock()
    account = Account(clock, 0.0)
    with account.timing("hold"):
        clock.advance(10.0)
        account.book("confirm", 4.0)
    assert account.parts() == {"hold": 6.0, "confirm": 4.0}


@given(st.lists(st.tuples(st.integers(0, 2), st.floats(0, 99), st.floats(0, 9)), max_size=12))
def test_the_parts_sum_to_the_wall_time(rows: list[tuple[int, float, float]]) -> None:
    clock = VirtualClock()
    clock.advance(7.0)
    account = Account(clock, 7.0, {"load": 3.0, "overhead": 1.0})
    for number, seconds, beside in rows:
        clock.advance(seconds + beside)
        spent = TrialSeconds(load_s=seconds / 4, replay_s=seconds * 3 / 4)
        arm = ("trial-0001", "anchor-0001", "confirm-0001-default")[number]
        account.measured(arm, 0, parts_of(arm, spent))
    parts = account.parts()
    assert sum(parts.values()) == pytest.approx(account.wall_s)
    assert all(seconds >= -1e-9 for seconds in parts.values())


class Stopped(BaseException):
    """Stands for Ctrl-C."""


def test_measurements_are_booked_and_one_that_is_interrupted_is_cut_off(tmp_path: Path) -> None:
    folder, clock = StudyFolder(tmp_path / "study"), VirtualClock()
    account = open_account(folder, clock, 0.0)

    def before(count: int) -> None:
        if count == 1:
            clock.advance(6.0)
            raise Stopped

    measurer = Booked(ClockedMeasurer(FormulaMeasurer(before=before), clock), account)
    candidate = Candidate({"batch-size": 128, "threads": 2, "spec-type": "none"})

    def measure(arm: str) -> None:
        measurer.measure(candidate, plan_of(), arm=arm, block=0, sink=lambda _: None)

    measure("trial-0000")
    with pytest.raises(Stopped):
        measure("trial-0001")
    assert folder.read_account() == {"load": 1.0, "measure": 9.0, "cut off": 6.0}
    # The next run counts from there, and what a kill kept from being saved is not forgotten.
    clock.advance(100.0)
    again = open_account(folder, clock, clock.now(), least_s=20.0)
    clock.advance(2.0)
    assert again.wall_s == 22.0
    assert again.parts() == {"load": 1.0, "measure": 9.0, "cut off": 10.0, "overhead": 2.0}


def test_trials_of_two_engines_with_one_name_are_two_measurements() -> None:
    clock = VirtualClock()
    account = Account(clock, 0.0)
    candidate = Candidate({"batch-size": 128, "threads": 2, "spec-type": "none"})
    for engine in ("a", "b"):
        measurer = Booked(ClockedMeasurer(FormulaMeasurer(), clock), account, engine)
        measurer.measure(candidate, plan_of(), arm="trial-0001", block=0, sink=lambda _: None)
    assert account.parts() == {"load": 2.0, "measure": 18.0}
