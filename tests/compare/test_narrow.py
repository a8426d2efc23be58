"""When a comparison has said enough."""

from __future__ import annotations

import math

import pytest

from autotune.compare.narrow import BLOCKS, BUDGET, NARROW, Rule, half_width, widest
from autotune.scoring.verdict import MetricVerdict, Verdict


def row(smallest_seen: float | None) -> MetricVerdict:
    return MetricVerdict(
        metric="ttft",
        verdict=Verdict.CANNOT_TELL,
        ratio=1.0,
        low=None,
        high=None,
        smallest_seen=smallest_seen,
        pairs=9,
        sessions=3,
        confidence=0.95,
        directional=False,
    )


def rule(**fields: object) -> Rule:
    usual: dict[str, object] = {
        "until": 0.05, "blocks": None, "budget_s": None, "clock": lambda: 100.0, "started_s": 0.0
    }  # fmt: skip
    return Rule(**{**usual, **fields})  # type: ignore[arg-type]


def test_the_widest_interval_decides() -> None:
    assert widest([]) is None
    assert widest([row(1.02), row(1.04)]) == pytest.approx(0.04)
    assert half_width(row(None)) == math.inf


@pytest.mark.parametrize(
    ("done", "width", "reason"),
    [
        (0, 0.01, None),  # nothing is measured yet
        (1, 0.01, None),  # one block cannot show how far the next would be
        (2, 0.05, NARROW),
        (2, 0.06, None),
        (3, 0.01, None),  # one arm went first twice, the other once
        (4, 0.01, NARROW),
        (4, math.inf, None),
        (4, None, None),
    ],
)
def test_narrow_counts_after_even_numbers_of_blocks(
    done: int, width: float | None, reason: str | None
) -> None:
    assert rule().ends(done, width, 10.0) == reason


def test_blocks_and_budget_end_it_too() -> None:
    assert rule(blocks=3).ends(3, 0.5, 10.0) == BLOCKS
    assert rule(blocks=3).ends(2, 0.5, 10.0) is None
    # 150 s, of which 100 s have passed and 30 s an earlier run took: 20 s are left.
    left = rule(budget_s=150.0, before_s=30.0)
    assert left.seconds_left() == 20.0
    assert left.ends(1, 0.5, 21.0) == BUDGET
    assert left.ends(1, 0.5, 19.0) is None
    assert left.ends(0, None, 21.0) is None  # the first block is always measured
    assert rule().seconds_left() is None
