"""Noise from repeated runs, and what is drawn from it."""

from __future__ import annotations

import math
import random
from dataclasses import replace
from itertools import pairwise
from statistics import fmean

import pytest
from formula import FormulaMeasurer, plan_of

from autotune.candidate import Candidate
from autotune.records import TurnRecord
from autotune.trial.recorded_noise import Bursts, Noise, fit_noise
from autotune.trial.recorded_turn import slower

DEFAULT = Candidate({"batch-size": 512, "threads": 2, "spec-type": "none"})


def a_run() -> list[TurnRecord]:
    sunk: list[TurnRecord] = []
    FormulaMeasurer().measure(DEFAULT, plan_of(), arm="a", block=0, sink=sunk.append)
    return sunk


def test_a_slow_run_is_a_shift_and_a_slow_turn_is_a_turns() -> None:
    calm = a_run()
    slow = [slower(r, math.e, math.e) for r in calm]
    noise = fit_noise([calm, slow, calm])
    assert noise is not None
    # Shifts of 0, 1 and 0 around their mean of a third, wider by sqrt(3 / 2).
    wider = math.sqrt(1.5)
    assert noise.runs == pytest.approx((-wider / 3, 2 * wider / 3, -wider / 3))
    assert [abs(x) < 1e-9 for pair in noise.turns for x in pair] == [True] * 24


def test_a_turn_that_stands_out_of_its_run_is_noise_of_turns() -> None:
    calm = a_run()
    odd = [slower(calm[0], math.exp(0.8), 1.0), *calm[1:]]
    noise = fit_noise([calm, odd, calm, calm])
    assert noise is not None
    # The run's shift is the mean over its turns of both: 0.8 / 8.
    wider = math.sqrt(4 / 3)
    assert max(noise.runs) == pytest.approx(wider * (0.1 - 0.025))
    assert max(noise.turns) == pytest.approx((wider * 0.7, wider * -0.1))


def test_two_runs_or_failed_ones_say_nothing() -> None:
    calm = a_run()
    assert fit_noise([calm, calm]) is None
    failed = [replace(r, failure="crash") for r in calm]
    assert fit_noise([calm, calm, failed]) is None


def test_the_same_seed_draws_the_same() -> None:
    noise = Noise(runs=(-0.1, 0.1), turns=((-0.2, 0.0), (0.2, 0.1)))
    calm = a_run()
    one = noise.over(calm, random.Random(1))
    assert one == noise.over(calm, random.Random(1)) != noise.over(calm, random.Random(2))
    ratios = [math.log(r.ttft_s / c.ttft_s) for r, c in zip(one, calm, strict=True)]
    assert {round(x, 6) for x in ratios} <= {-0.3, -0.1, 0.1, 0.3}


def test_bursts_have_their_share_and_their_length() -> None:
    bursts = Bursts(factor=10.0, share=0.1, turns=4.0)
    rng = random.Random(0)
    runs = [list(bursts.over(50, rng)) for _ in range(400)]
    hit = fmean(factor == 10.0 for run in runs for factor in run)
    starts = fmean(a < b for run in runs for a, b in pairwise(run))
    assert hit == pytest.approx(0.1, abs=0.01)
    assert hit / starts == pytest.approx(4.0, rel=0.1)
    assert {factor for run in runs for factor in run} == {1.0, 10.0}


def test_a_burst_slows_all_of_a_turn() -> None:
    calm = a_run()
    noise = Noise(runs=(0.0,), turns=((0.0, 0.0),), bursts=Bursts(share=0.999999, turns=1e9))
    slow = noise.over(calm, random.Random(0))
    assert [r.ttft_s for r in slow] == pytest.approx([10 * (c.ttft_s or 0) for c in calm])
    assert [r.decode_tps for r in slow] == [2.0] * 4
    assert noise.with_bursts(None).over(calm, random.Random(0)) == tuple(calm)
