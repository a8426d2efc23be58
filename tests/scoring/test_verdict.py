"""What a comparison says in words, on intervals written by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from autotune.records import TurnRecord
from autotune.scoring.comparison import METRICS, Ratio
from autotune.scoring.interval import compare
from autotune.scoring.objective import Objective
from autotune.scoring.verdict import Verdict, smallest_seen, verdict_of, verdicts

Record = Callable[..., TurnRecord]


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (1.01, 1.2, Verdict.FASTER),
        (0.8, 0.99, Verdict.SLOWER),
        (0.9, 1.1, Verdict.CANNOT_TELL),
        (1.0, 1.1, Verdict.CANNOT_TELL),
        (None, None, Verdict.CANNOT_TELL),
    ],
)
def test_only_a_whole_interval_is_a_verdict(
    low: float | None, high: float | None, verdict: Verdict
) -> None:
    assert verdict_of(Ratio(1.0, low, high)) is verdict


def test_the_smallest_difference_that_could_be_seen() -> None:
    # From 0.8 to 1.25 in log space is 2 log 1.25: an interval around 1.25 would just leave 1 out.
    assert smallest_seen(Ratio(1.0, 0.8, 1.25)) == pytest.approx(1.25)
    assert smallest_seen(Ratio(2.0, 2.0, 2.0)) == 1.0
    assert smallest_seen(Ratio(1.0, None, None)) is None


def arms(record: Record) -> tuple[list[TurnRecord], list[TurnRecord]]:
    """Two blocks of four sessions: TTFT halves, decode is a quarter slower, the wait is equal."""
    default = [
        record(turn, f"s{s}", block=block)
        for block in range(2)
        for s in range(4)
        for turn in range(3)
    ]
    return default, [replace(r, ttft_s=0.5, decode_tps=8.0) for r in default]


def test_every_metric_has_its_own_verdict(record: Record) -> None:
    found = verdicts(compare(*arms(record)))
    assert list(found) == list(METRICS)
    # 1 s + 10 tokens at 10/s is 2 s; 0.5 s and 10 at 8/s is 1.75 s.
    assert {name: (v.verdict, v.ratio) for name, v in found.items()} == {
        "turn_s": (Verdict.FASTER, pytest.approx(2 / 1.75)),
        "ttft": (Verdict.FASTER, 2.0),
        "decode": (Verdict.SLOWER, 0.8),
        "total_wait": (Verdict.CANNOT_TELL, 1.0),
    }
    ttft = found["ttft"]
    assert (ttft.pairs, ttft.sessions, ttft.confidence, ttft.directional) == (24, 4, 0.95, False)
    assert ttft.smallest_seen == pytest.approx(1.0)
    assert (ttft.low, ttft.high) == pytest.approx((2.0, 2.0))


def test_a_metric_that_an_arm_lacks_has_no_verdict(record: Record) -> None:
    default, candidate = arms(record)
    silent = [replace(r, decode_tps=None) for r in candidate]
    found = verdicts(compare(default, silent, objective=Objective.TTFT))
    assert list(found) == ["ttft", "total_wait"]


def test_few_pairs_give_a_direction_only(record: Record) -> None:
    default, candidate = ([r for r in arm if r.turn == 0][:4] for arm in arms(record))
    assert all(v.directional for v in verdicts(compare(default, candidate)).values())
