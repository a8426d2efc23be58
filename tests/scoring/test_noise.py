"""The noise floor, against numbers worked out by hand."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.records import TurnRecord
from autotune.scoring.noise import (
    ASSUMED,
    METRICS,
    Method,
    NoiseFloor,
    assumed_floor,
    half_width,
    noise_floor,
    successive_degrees,
)

AT = "2026-01-01T00:00:00+00:00"


def run_of(scale: float, turns: int = 12, decode_tps: float = 20.0) -> list[TurnRecord]:
    """Turns of 1.0 s, 1.1 s, ... to first token, `scale` times that, and ten tokens after it."""
    return [
        TurnRecord(
            arm="default", block=0, order=at, session_id="s", turn=at, started_at=AT,
            asked_output_tokens=10, output_tokens=10, ttft_s=scale * (1 + at / 10),
            decode_tps=decode_tps, wall_s=scale * (1 + at / 10) + 10 / decode_tps,
        )
        for at in range(turns)
    ]  # fmt: skip


def test_student_widens_what_few_pairs_show() -> None:
    # All pairs 0.02 apart: s is 0.02, and t(0.975) is 12.706, 2.571 and 2.000 (tables).
    assert half_width([0.02], 1) == pytest.approx(0.02 * 12.706, rel=1e-3)
    assert half_width([0.02, -0.02] * 3, 5) == pytest.approx(0.02 * 2.571, rel=1e-3)
    assert half_width([0.02, -0.02] * 30, 60) == pytest.approx(0.02 * 2.000, rel=1e-3)


def test_heavy_tails_are_never_undercut() -> None:
    # 90 pairs at 0 and 10 at 1: s is 0.316, 1.98 s is 0.63, and the 95th percentile is 1.
    assert half_width([0.0] * 90 + [1.0] * 10, 100) == pytest.approx(1.0)


def test_neighbouring_pairs_tell_less_than_as_many_of_their_own() -> None:
    # 2 k^2 / (3 k - 1): 2/2, 8/5 and 18/8.
    assert [successive_degrees(k) for k in (1, 2, 3)] == [1.0, 1.6, 2.25]


def test_whole_runs_are_compared_from_three_pairs_on() -> None:
    runs = [run_of(scale) for scale in (1.0, 1.1, 1.0, 1.1)]
    floor = noise_floor(runs, measured_at=AT)
    assert floor is not None
    assert (floor.pairs, floor.method) == (3, Method.RUNS)
    # Three pairs, each log(1.1) apart in TTFT; t(0.975, 2.25) is 3.87 (R: qt(0.975, 2.25)).
    assert floor.half_width("ttft") == pytest.approx(3.873 * math.log(1.1), rel=2e-3)
    assert floor.half_width("decode") == 0.0
    assert 0 < floor.half_width("total_wait") < floor.half_width("ttft")


def test_two_runs_are_compared_in_parts() -> None:
    floor = noise_floor([run_of(1.0, 30), run_of(1.05, 30)], measured_at=AT)
    assert floor is not None
    # 30 turns are 7 parts of about 4; t(0.975, 7) is 2.365.
    assert (floor.pairs, floor.method) == (7, Method.PARTS)
    assert floor.half_width("ttft") == pytest.approx(2.365 * math.log(1.05), rel=1e-3)


def test_one_run_says_nothing_and_neither_do_runs_that_share_nothing() -> None:
    assert noise_floor([run_of(1.0)], measured_at=AT) is None
    other = [replace(r, session_id="other") for r in run_of(1.0)]
    assert noise_floor([run_of(1.0), other], measured_at=AT) is None


def test_failed_turns_are_left_out() -> None:
    broken = [replace(r, failure="crash" if r.turn < 6 else None) for r in run_of(1.0)]
    floor = noise_floor([broken, run_of(1.1)], measured_at=AT)
    assert floor is not None
    # Six turns are left: two parts of three, the least there may be.
    assert floor.pairs == 2


def test_only_turns_at_depth_count_but_every_turn_waits() -> None:
    slow_late = [
        replace(r, ttft_s=2 * (r.ttft_s or 0), wall_s=2 * (r.wall_s or 0)) if r.turn >= 6 else r
        for r in run_of(1.0)
    ]
    keys = {("s", turn) for turn in range(6)}
    floor = noise_floor([run_of(1.0), slow_late], keys=keys, measured_at=AT)
    assert floor is not None
    assert floor.half_width("ttft") == 0.0
    assert floor.half_width("total_wait") > 0.5


def test_what_is_not_measured_is_assumed_and_said_to_be() -> None:
    floor = assumed_floor()
    assert not floor.is_measured
    assert {name: floor.half_width(name) for name in METRICS} == dict.fromkeys(METRICS, ASSUMED)
    assert NoiseFloor(method=Method.RUNS).half_width("ttft") == ASSUMED


def test_json_and_back() -> None:
    floor = NoiseFloor(
        half_widths={"ttft": 0.03}, pairs=4, method=Method.RUNS, measured_at=AT, quiet=True
    )
    assert NoiseFloor.from_json(json.loads(json.dumps(floor.to_json()))) == floor
    with pytest.raises(ValueError, match="guessed"):
        NoiseFloor.from_json({**floor.to_json(), "method": "guessed"})


@given(
    st.lists(st.floats(-0.5, 0.5), min_size=1, max_size=20),
    st.floats(1.0, 50.0),
    st.floats(0.1, 10.0),
)
def test_a_floor_scales_with_the_noise_and_is_never_less_than_most_of_it(
    values: list[float], degrees: float, factor: float
) -> None:
    width = half_width(values, degrees)
    assert half_width([factor * x for x in values], degrees) == pytest.approx(factor * width)
    assert half_width([-x for x in values], degrees) == pytest.approx(width)
