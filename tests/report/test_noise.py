"""Noise in words."""

from __future__ import annotations

import math
from io import StringIO
from typing import Any

import pytest

from autotune.report.noise import anchor_line, floor_lines, noise_lines, percent
from autotune.report.plain import PlainDisplay
from autotune.scoring.noise import Method, NoiseFloor, assumed_floor
from autotune.search.events import AnchorMeasured

FLOOR = NoiseFloor(
    half_widths={"turn_s": math.log(1.031), "ttft": math.log(1.05)},
    pairs=6,
    method=Method.PARTS,
    measured_at="2026-01-01T00:00:00+00:00",
).to_json()

QUIET: dict[str, Any] = {
    "floor": FLOOR,
    "anchors": {
        "measured": 2, "seconds": 14.0, "largest_shift": math.log(1.02), "disagreed": 0,
        "measured_again": 0, "left_doubtful": [],
    },
    "disturbed": {
        "discarded_turns": 0, "discarded_s": 0.0, "share": 0.0, "again": 0, "kept_turns": 0,
        "kept_spoiled": 0, "reasons": [],
    },
    "never_quiet": False,
}  # fmt: skip


def anchor(shift: float | None, *, disagrees: bool = False) -> AnchorMeasured:
    return AnchorMeasured(7, shift, math.log(1.05), disagrees, 3, 4.2)


@pytest.mark.parametrize(
    ("log_ratio", "words"),
    [(0.0, "0.0%"), (math.log(1.031), "3.1%"), (-math.log(1.031), "3.1%"), (math.log(3), "3.0x")],
)
def test_log_ratios_are_told_in_percent(log_ratio: float, words: str) -> None:
    assert percent(log_ratio) == words


def test_a_look_at_the_default() -> None:
    assert anchor_line(anchor(math.log(1.02))) == (
        "the default once more: 2.0% slower than before (noise floor 5.0%), took 4s"
    )
    moved = anchor_line(anchor(-math.log(1.2), disagrees=True))
    assert "20.0% faster than before, beyond the noise floor 5.0%" in moved
    assert "3 trials to measure again" in moved
    assert "too little" in anchor_line(anchor(None))
    stream = StringIO()
    PlainDisplay(stream, lambda: 0.0)(anchor(0.0))
    assert stream.getvalue().startswith("the default once more")


def test_a_floor_has_a_line_a_metric() -> None:
    assert list(floor_lines(FLOOR)) == [
        "seconds per turn  two runs differ by up to 3.1%",
        "TTFT              two runs differ by up to 5.0%",
    ]


def test_a_quiet_study_says_so_in_two_lines() -> None:
    assert list(noise_lines(QUIET)) == [
        "noise: the same config twice differs by up to seconds per turn 3.1%, TTFT 5.0% (6 pairs)",
        "drift: the default was measured again 2 times (14s), moved by 2.0% at most",
    ]
    assert list(noise_lines(None)) == []


def test_what_was_set_aside_and_what_was_not() -> None:
    disturbed = {
        **QUIET["disturbed"], "discarded_turns": 40, "discarded_s": 61.0, "share": 0.125,
        "again": 2, "kept_spoiled": 1, "reasons": ["other processes kept 0.93 cores busy"],
    }  # fmt: skip
    anchors = {**QUIET["anchors"], "disagreed": 1, "measured_again": 4, "left_doubtful": [3, 8]}
    loud = {**QUIET, "disturbed": disturbed, "anchors": anchors, "never_quiet": True}
    _, drift, aside, kept, never = noise_lines(loud)
    assert drift.endswith(
        "4 trials measured again for it; not measured again, for want of budget: #3, #8"
    )
    assert aside == (
        "disturbed: 2 measurements made again, 40 turns and 1m 01s set aside, 12% of all turn time "
        "(other processes kept 0.93 cores busy)"
    )
    assert kept.startswith("disturbed: 1 measurement kept although others used the machine")
    assert never.startswith("this machine never got quiet")


def test_an_assumed_floor_says_how_to_measure_one() -> None:
    first, *_ = noise_lines({**QUIET, "floor": assumed_floor().to_json()})
    assert "assumed at 15.0%" in first
    assert "doctor --noise" in first
