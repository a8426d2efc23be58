"""A machine's moods."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path
from statistics import pstdev

import pytest

from autotune.errors import UserError
from autotune.simulated.noise import NOISES, MachineTime, Noise, noise_named, run_noise, tenfold
from autotune.simulated.noise_fit import (
    RecordedRun,
    fitted_noise,
    read_runs,
    spread,
    with_bursts,
)

RECORDED = Path(__file__).parents[2] / "studies" / "aa-calibration"


def test_without_noise_nothing_takes_longer() -> None:
    assert MachineTime(NOISES["none"], 1).factor(50.0, 3.0) == 1.0
    assert run_noise(NOISES["none"], 1).ttft() == 1.0


def test_the_same_names_give_the_same_noise() -> None:
    one, other = run_noise(NOISES["shared"], 1, "a"), run_noise(NOISES["shared"], 1, "a")
    assert [one.ttft(), one.decode()] == [other.ttft(), other.decode()]
    assert run_noise(NOISES["shared"], 2, "a").ttft() != run_noise(NOISES["shared"], 1, "a").ttft()


def test_work_in_a_burst_takes_as_many_times_as_long() -> None:
    time = MachineTime(Noise(burst_every_s=10.0, burst_s=5.0, burst=10.0), 3)
    begin, end = time.burst_at(0)
    inside = (end - begin) / 20  # of which a burst makes half its length
    assert time.factor(begin, inside) == pytest.approx(10.0)
    assert time.factor(0.0, begin / 2) == 1.0
    # Half before the burst, half in it.
    assert time.factor(begin - inside, 2 * inside) == pytest.approx(5.5)


def test_bursts_follow_each_other_and_the_clock_may_be_asked_twice() -> None:
    time = MachineTime(Noise(burst_every_s=6.0, burst_s=2.0, burst=2.0), 0)
    bursts = [time.burst_at(at) for at in range(50)]
    assert all(a[0] < a[1] <= b[0] for a, b in pairwise(bursts))
    late = time.factor(bursts[40][0], 0.001)
    assert time.factor(bursts[5][0], 0.001) == pytest.approx(2.0)
    assert time.factor(bursts[40][0], 0.001) == late


def test_drift_spreads_as_much_as_it_says() -> None:
    time = MachineTime(Noise(drift=0.2), 5)
    logs = [math.log(time.factor(at * 97.0, 1.0)) for at in range(4000)]
    assert pstdev(logs) == pytest.approx(0.2, rel=0.1)


def test_noise_by_name() -> None:
    assert noise_named("shared") is NOISES["shared"]
    own = Noise(run=0.5)
    assert noise_named(own) is own
    assert tenfold(own).burst == 10.0
    with pytest.raises(UserError, match="no noise is called 'loud'"):
        noise_named("loud")


def test_the_levels_are_those_of_the_recordings() -> None:
    shared = fitted_noise(read_runs(RECORDED / "shared.jsonl"))
    stored = NOISES["shared"]
    assert (shared.run, shared.drift) == pytest.approx((stored.run, stored.drift), abs=0.01)
    assert (shared.ttft, shared.decode) == pytest.approx((stored.ttft, stored.decode), abs=0.01)
    bursts = with_bursts(shared, read_runs(RECORDED / "bursts.jsonl"))
    assert bursts.burst == pytest.approx(NOISES["bursts"].burst, abs=0.05)
    assert (bursts.burst_every_s, bursts.burst_s) == (6.0, 2.0)


def test_what_was_put_in_is_found_again() -> None:
    put = Noise(run=0.3, ttft=0.2, decode=0.1)
    runs = [_run(put, at) for at in range(200)]
    found = fitted_noise(runs)
    assert found.ttft == pytest.approx(0.2, rel=0.05)
    assert found.decode == pytest.approx(0.1, rel=0.05)
    assert math.hypot(found.run, found.drift) == pytest.approx(0.3, rel=0.15)


def _run(noise: Noise, at: int) -> RecordedRun:
    own = run_noise(noise, 9, at)
    turns = [("a", turn) for turn in range(30)]
    return RecordedRun(
        {turn: own.ttft() for turn in turns}, {turn: 0.01 * own.decode() for turn in turns}
    )


def test_runs_that_do_not_differ_have_no_spread() -> None:
    same = spread([{("a", 0): 1.0, ("a", 1): 2.0}] * 3)
    assert (same.run, same.drift, same.turn) == (0.0, 0.0, 0.0)
