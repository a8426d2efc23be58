"""A crash is measured once more; twice is no accident, and nothing else is tried again."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest
from formula import Bench, FormulaMeasurer

from autotune.candidate import Candidate, Setting
from autotune.launchers.failure import Failure, FailureKind
from autotune.search.confirm import finished_blocks
from autotune.search.remeasure import is_aside
from autotune.search.second_chance import SecondChance
from autotune.study.turn_log import TurnLog
from autotune.trial.measurement import Measurement, TrialSeconds

CRASH = Failure(FailureKind.CRASH, "died")


def measured(failure: Failure | None, block: int = 0) -> Measurement:
    seconds = TrialSeconds(load_s=10.0)
    return Measurement(Candidate({}), "trial-0003", block, (), failure, seconds)


@pytest.fixture
def chance(tmp_path: Path) -> SecondChance:
    log = TurnLog(tmp_path / "turns.jsonl")
    log.close()
    return SecondChance(log)


def test_once_for_each_arm_and_block(chance: SecondChance) -> None:
    assert chance.again(measured(CRASH), None)
    assert not chance.again(measured(CRASH), None)
    assert chance.again(measured(CRASH, block=1), 10.0)


def test_not_where_there_is_no_time(chance: SecondChance) -> None:
    assert not chance.again(measured(CRASH), 9.9)
    assert chance.again(measured(CRASH), 10.0)


@pytest.mark.parametrize("kind", [k for k in FailureKind if k is not FailureKind.CRASH])
def test_nothing_else_is_an_accident(chance: SecondChance, kind: FailureKind) -> None:
    assert not chance.again(measured(Failure(kind, "x")), None)
    assert not chance.again(measured(None), None)


class Crashes:
    """Of one config: so many measurements die after a turn."""

    def __init__(self, times: int) -> None:
        self.left = times

    def __call__(self, settings: Mapping[str, Setting]) -> Failure | None:
        if settings["spec-type"] != "ngram" or not self.left:
            return None
        self.left -= 1
        return CRASH


def test_a_trial_that_crashed_once_is_scored(bench: Bench) -> None:
    ledger = bench.run(FormulaMeasurer(fails=Crashes(1)), 6, policy="steps")
    assert all(e.failure is None for e in ledger.measured)
    assert ledger.best is not None
    assert ledger.best.settings["spec-type"] == "ngram"


def test_a_trial_that_crashed_twice_failed(bench: Bench) -> None:
    measurer = FormulaMeasurer(fails=Crashes(2))
    ledger = bench.run(measurer, 6, policy="steps")
    failed = [e for e in ledger.measured if e.failure is not None]
    assert [e.failure for e in failed] == ["crash"]
    assert len(measurer.measured) == 7


def test_turns_before_a_crash_are_set_aside(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "study")
    bench.run(FormulaMeasurer(), 1, policy="steps")
    log = bench.folder.turn_log()
    arm = next(bench.folder.read_turns()).arm
    failed = Measurement(Candidate({}), arm, 0, (), CRASH)
    assert SecondChance(log).again(failed, None)
    log.close()
    kept = list(bench.folder.read_turns())
    assert {r.arm for r in kept} == {f"{arm}~crash"}
    assert all(is_aside(r.arm) for r in kept)
    assert (arm, 0) not in finished_blocks(kept)


HANG = Failure(FailureKind.HANG, "no token came")


def test_a_trial_that_hung_is_made_again_where_that_is_little(chance: SecondChance) -> None:
    # It took 10 s: a twentieth of 200.
    assert not chance.again(measured(HANG), 199.0)
    assert chance.again(measured(HANG), 200.0)
    assert not chance.again(measured(HANG), 1e6)


def test_what_is_needed_is_made_again_wherever_there_is_time(chance: SecondChance) -> None:
    assert not chance.again(measured(HANG), 9.0, needed=True)
    assert chance.again(measured(HANG), 10.0, needed=True)
    # Hanging twice is a finding, in whatever block.
    assert not chance.again(measured(HANG, block=1), 10.0, needed=True)


def test_what_is_needed_may_crash_twice(chance: SecondChance) -> None:
    tries = [chance.again(measured(CRASH), 100.0, needed=True) for _ in range(3)]
    assert tries == [True, True, False]


def test_turns_before_a_hang_are_set_aside_under_its_name(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "study")
    bench.run(FormulaMeasurer(), 1, policy="steps")
    log = bench.folder.turn_log()
    arm = next(bench.folder.read_turns()).arm
    assert SecondChance(log).again(Measurement(Candidate({}), arm, 0, (), HANG), 10.0)
    log.close()
    assert {r.arm for r in bench.folder.read_turns()} == {f"{arm}~hang"}
