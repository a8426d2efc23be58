"""Seconds that pass when a measurement says so."""

from __future__ import annotations

from dataclasses import replace

import pytest
from formula import FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.search.budget import Budget
from autotune.trial.virtual_clock import ClockedMeasurer, VirtualClock

CANDIDATE = Candidate({"batch-size": 512, "threads": 2, "spec-type": "none"})


def test_it_stands_still_until_it_is_moved() -> None:
    clock = VirtualClock()
    assert clock.now() == clock() == 0.0
    clock.advance(2.5)
    clock.advance(0.0)
    assert clock() == 2.5
    with pytest.raises(ValueError, match="cannot go back"):
        clock.advance(-1.0)
    assert clock() == 2.5


def test_a_measurement_takes_its_own_seconds() -> None:
    clocked = ClockedMeasurer(FormulaMeasurer())
    seen: list[float] = []
    clocked.measure(
        CANDIDATE, plan_of(), arm="a", block=0, sink=lambda _: seen.append(clocked.clock())
    )
    # TTFT 1.5 s, growing by a hundredth a turn, and 0.45 s of decoding: turn by turn.
    assert seen == pytest.approx([1.95, 3.915, 5.895, 7.89])
    # 1 s of load and 9 s of replay in all.
    assert clocked.clock() == 10.0


def test_turns_that_overlap_pass_together_at_the_end() -> None:
    clocked, plan = ClockedMeasurer(FormulaMeasurer()), replace(plan_of(), concurrency=2)
    seen: list[float] = []
    clocked.measure(CANDIDATE, plan, arm="a", block=0, sink=lambda _: seen.append(clocked.clock()))
    assert seen == [0.0] * 4
    assert clocked.clock() == 10.0


def test_a_budget_runs_on_it() -> None:
    clocked = ClockedMeasurer(FormulaMeasurer(), VirtualClock(100.0))
    budget = Budget(30.0, None, clocked.clock, clocked.clock())
    clocked.measure(CANDIDATE, plan_of(), arm="a", block=0, sink=lambda _: None)
    assert budget.elapsed_s() == 10.0
    assert budget.confirm_left_s() == 20.0
