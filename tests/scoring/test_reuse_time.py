"""Hits that save time, and hits that do not.

The figures of the first test are of a public table (issue 102 of noonghunna/club-3090): one session
on two engines, the same model of attention and recurrent layers, 60-80% of it reported as reused.
"""

from __future__ import annotations

import pytest

from autotune.records import TurnRecord
from autotune.scoring.reuse_time import InTime, reuse_in_time

DEPTHS = (1_200, 4_900, 21_000, 35_000)
SLOW = (5.6, 85.0, 202.0, 254.0)
QUICK = (1.6, 2.8, 9.6, 10.0)


def records(depths: tuple[int, ...], ttfts: tuple[float, ...], share: float) -> list[TurnRecord]:
    """The first turn cold, the others with `share` of their prompt reported as reused."""
    return [
        TurnRecord(
            arm="a", block=0, order=turn, session_id="s", turn=turn, started_at="",
            asked_output_tokens=4, depth_tokens=depth, ttft_s=ttft,
            cached_tokens=int(share * depth) if turn else 0,
        )
        for turn, (depth, ttft) in enumerate(zip(depths, ttfts, strict=True))
    ]  # fmt: skip


def test_the_table_that_made_people_change_engines() -> None:
    slow = reuse_in_time(records(DEPTHS, SLOW, 0.7))
    assert slow.verdict is InTime.NOTHING
    assert slow.turns == 3
    assert slow.saved_share is not None
    assert slow.saved_share < 0
    # What 4.9k, 21k and 35k tokens should have taken, 30% of 4.667 ms each, is 85.3 s of 541 s.
    assert slow.lost_s == pytest.approx(541.0 - 85.26, abs=0.1)
    assert reuse_in_time(records(DEPTHS, QUICK, 0.7)).verdict is InTime.SAVE


def ttfts(depths: tuple[int, ...], share: float, saved: float) -> tuple[float, ...]:
    """1 ms a token; of what hits should save, `saved` is."""
    warm = [d * 1e-3 * (1 - share * saved) for d in depths[1:]]
    return (depths[0] * 1e-3, *warm)


def verdict(saved: float) -> InTime | None:
    return reuse_in_time(records(DEPTHS, ttfts(DEPTHS, 0.9, saved), 0.9)).verdict


def test_the_thresholds() -> None:
    assert verdict(0.0) is InTime.NOTHING
    assert verdict(0.24) is InTime.NOTHING
    assert verdict(0.3) is InTime.LESS
    assert verdict(0.59) is InTime.LESS
    assert verdict(0.7) is InTime.SAVE
    assert verdict(1.0) is InTime.SAVE


def test_a_cold_arm_is_the_better_measure() -> None:
    """Attention that grows with depth: the cold arm knows, one shallow turn does not."""

    def cold_s(depth: int) -> float:
        return depth * 1e-3 + depth**2 * 5e-8

    cold = records(DEPTHS, tuple(map(cold_s, DEPTHS)), 0.0)
    warm = records(DEPTHS, tuple(map(cold_s, DEPTHS)), 0.8)
    found = reuse_in_time(warm, cold)
    assert found.verdict is InTime.NOTHING
    assert found.saved_share is not None
    assert abs(found.saved_share) < 0.05


def test_it_says_why_it_cannot_tell() -> None:
    few = reuse_in_time(records(DEPTHS[:2], QUICK[:2], 0.7))
    assert few.verdict is None
    assert "3 are needed" in few.reason
    assert few.to_json() == {"verdict": None, "reason": few.reason}
    warm = records(DEPTHS, QUICK, 0.7)[1:]
    assert "no turn was cold" in reuse_in_time(warm).reason
