"""A measurement as one value, and why it may have none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict

import pytest

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective
from autotune.scoring.score import score
from autotune.workload.depth import DepthRange
from autotune.workload.model import Boundary

Record = Callable[..., TurnRecord]


@pytest.fixture
def records(record: Record) -> list[TurnRecord]:
    """Five turns at 1k of 1 s, five at 20k of 3 s with half the decode rate."""
    shallow = [record(at) for at in range(5)]
    deep = [
        record(at, depth_tokens=20_000, ttft_s=3.0, decode_tps=5.0, wall_s=5.0)
        for at in range(5, 10)
    ]
    return shallow + deep


def test_the_deepest_bucket_is_scored(records: list[TurnRecord]) -> None:
    result = score(records)
    assert (result.bucket, result.turns, result.turns_at_depth) == ("10-30k", 10, 5)
    assert (result.ttft_p50_s, result.decode_p50_tps, result.turn_s) == (3.0, 5.0, 5.0)
    assert (result.value, result.reason, result.feasible) == (5.0, None, True)
    assert result.total_wait_s == 35.0  # 5 x 2 + 5 x 5: every turn, not only the deep ones
    assert [row.bucket for row in result.buckets] == ["0-10k", "10-30k"]


def test_each_objective_minimises_seconds(records: list[TurnRecord]) -> None:
    values = {each: score(records, objective=each).value for each in Objective}
    assert values == {Objective.TURN: 5.0, Objective.TTFT: 3.0, Objective.DECODE: 0.2}


def test_the_depth_may_be_given(records: list[TurnRecord]) -> None:
    shallow = score(records, depth=DepthRange(0, 10_000))
    assert (shallow.value, shallow.bucket) == (2.0, "0-10k")
    named = score(records, at_depth={("a", 0), ("a", 1), ("a", 7)})
    assert (named.turns_at_depth, named.ttft_p50_s, named.bucket) == (3, 1.0, "all")
    assert score(records, at_depth={("a", 0)}).bucket == "0-10k"
    empty = score(records, depth=DepthRange(60_000))
    assert (empty.value, empty.reason) == (None, "no turn is at depth 60k+")


def test_too_few_turns_anywhere_are_scored_together(record: Record) -> None:
    few = [record(0), record(1, depth_tokens=20_000, ttft_s=3.0)]
    assert (score(few).bucket, score(few).ttft_p50_s) == ("all", 2.0)


def test_turns_behind_an_edit_are_apart(records: list[TurnRecord], record: Record) -> None:
    edited = record(10, depth_tokens=20_000, ttft_s=99.0, wall_s=100.0, boundary="compaction")
    result = score([*records, edited])
    assert result.ttft_p50_s == 3.0
    assert result.boundary is not None
    assert (result.boundary.turns, result.boundary.ttft_p50_s) == (1, 99.0)
    assert result.total_wait_s == 135.0
    assert score([edited]).value == 100.0  # nothing else to look at: 99 + 10 / 10
    named = {("a", 10)}
    assert score([*records, edited], at_depth=named).ttft_p50_s == 99.0
    assert score([*records, edited], at_depth={*named, ("a", 0)}).ttft_p50_s == 1.0


@pytest.mark.parametrize("kind", [kind.value for kind in Boundary])
def test_no_kind_of_edit_moves_the_score(
    records: list[TurnRecord], record: Record, kind: str
) -> None:
    cold = [
        record(10 + at, depth_tokens=150_000, ttft_s=99.0, wall_s=100.0, boundary=kind)
        for at in range(6)
    ]
    result = score([*records, *cold])
    assert (result.bucket, result.ttft_p50_s, result.turns_at_depth) == ("10-30k", 3.0, 5)
    assert result.boundary is not None
    assert (result.boundary.turns, result.boundary.ttft_p50_s) == (6, 99.0)


def test_one_failed_turn_leaves_nothing_to_score(records: list[TurnRecord], record: Record) -> None:
    late = record(11, order=11, failure="unreached")
    bad = record(12, order=12, failure="hang", detail="no token for 60 s", ttft_s=0.0)
    result = score([*records, late, bad])
    assert (result.value, result.feasible, result.ttft_p50_s) == (None, False, None)
    assert result.total_wait_s is None
    assert (result.turns, result.failed) == (12, 2)
    assert result.reason == ("2 of 12 turns failed, first session a turn 12: no token for 60 s")


def test_nothing_measured_is_no_score() -> None:
    assert score([]).reason == "no turn was measured"


def test_a_missing_metric_is_a_reason(record: Record) -> None:
    one_token = [record(at, decode_tps=None, output_tokens=1) for at in range(5)]
    assert score(one_token).reason == "no good turn reports a decode rate"
    assert score(one_token, objective=Objective.TTFT).value == 1.0


def test_a_score_is_plain_data(records: list[TurnRecord]) -> None:
    assert json.loads(json.dumps(asdict(score(records))))["turn_s"] == 5.0
