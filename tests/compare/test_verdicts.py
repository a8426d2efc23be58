"""Each arm against the first, over all turns and by depth."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from quick_arms import record_of

from autotune.compare.verdicts import Judging, comparable
from autotune.records import TurnMachine, TurnRecord
from autotune.scoring.contaminated import MARK
from autotune.scoring.verdict import Verdict
from autotune.workload.depth import DepthRange

Depths = dict[tuple[str, int], int]


def rows(arm: str, factor: float, blocks: int = 2, **more: object) -> list[TurnRecord]:
    """Blocks of thirty turns, deeper ones slower, a little apart from block to block."""
    return [
        record_of(arm, block, turn, factor * (1 + turn / 30 + 0.01 * block), **more)
        for block in range(blocks)
        for turn in range(30)
    ]


def test_an_arm_that_is_twice_as_fast_is_faster_everywhere(depths: Depths) -> None:
    judging = Judging(depths)
    records = {"base": rows("base", 1.0), "quick": rows("quick", 0.5)}
    overall = {row.said.metric: row for row in judging.overall(records)}
    assert overall["ttft"].said.verdict is Verdict.FASTER
    assert overall["ttft"].said.ratio == 2.0
    assert overall["decode"].said.verdict is Verdict.CANNOT_TELL
    assert (overall["ttft"].arm, overall["ttft"].baseline) == ("quick", "base")
    assert {row.depth for row in overall.values()} == {"all"}
    by_depth = judging.by_depth(records)
    assert [row.depth for row in by_depth if row.said.metric == "ttft"] == [
        "0-10k",
        "10-30k",
        "30-60k",
    ]
    assert {row.said.metric for row in by_depth} == {"ttft", "decode"}
    assert overall["ttft"].to_json()["verdict"] == "faster"


def test_several_arms_share_the_risk(depths: Depths) -> None:
    records = {name: rows(name, 1.0) for name in ("base", "b", "c")}
    found = Judging(depths).overall(records)
    assert {row.arm for row in found} == {"b", "c"}
    assert all(row.said.confidence > 0.95 for row in found)


def test_a_range_of_depths_may_be_asked_for(depths: Depths) -> None:
    judging = Judging(depths, depth=DepthRange(10_000, 20_000))
    found = judging.overall({"base": rows("base", 1.0), "b": rows("b", 0.5)})
    assert {row.depth for row in found} == {"10-20k"}
    assert found[0].said.pairs == 2 * 10


def test_turns_behind_an_edit_are_in_no_bucket_and_absent_metrics_in_no_row(depths: Depths) -> None:
    edited = [record_of("a", 0, 0, 1.0, boundary="edit"), record_of("a", 0, 1, 1.0)]
    assert Judging(depths).buckets({"a": edited}) == {"0-10k": frozenset({("s1", 1)})}
    silent = {"a": rows("a", 1.0, decode_tps=None), "b": rows("b", 1.0, decode_tps=None)}
    assert "decode" not in {row.said.metric for row in Judging(depths).overall(silent)}
    assert Judging(depths).overall({"a": rows("a", 1.0)}) == []
    none = {"a": rows("a", 1.0), "b": [replace(r, ttft_s=None) for r in rows("b", 1.0)]}
    assert Judging(depths).overall(none) == []


def test_a_turn_that_was_sent_again_compares_with_none_and_a_disturbed_one_does() -> None:
    retried = record_of("a", 0, 0, 1.0, mark="retried")
    disturbed = record_of("a", 0, 1, 1.0, mark="contaminated")
    assert comparable([retried, disturbed]) == [disturbed]


def test_the_machines_noise_widens_what_one_block_or_a_busy_machine_says(depths: Depths) -> None:
    quiet = {"base": rows("base", 1.0), "b": rows("b", 0.97)}
    judging = Judging(depths)
    assert judging.floor(quiet) is None
    once = {name: [r for r in found if r.block == 0] for name, found in quiet.items()}
    floor = judging.floor(once)
    assert floor is not None
    assert floor["ttft"] == pytest.approx(math.log(1.15))  # nothing was measured twice
    busy = TurnMachine(looks=9, other_cores=4.0)
    disturbed = [replace(r, mark=MARK, machine=busy) for r in rows("base", 1.0, blocks=5)]
    measured = judging.floor({"base": disturbed})
    assert measured is not None
    assert 0 < measured["ttft"] < floor["ttft"]  # its blocks differ by 1% or less
    few = judging.floor({"base": [r for r in disturbed if r.block < 2]})
    assert few == floor  # two blocks say little of a machine
    seen = [
        next(
            row.said.smallest_seen for row in judging.overall(records) if row.said.metric == "ttft"
        )
        for records in (quiet, once)
    ]
    assert seen[0] is not None
    assert seen[1] is not None
    assert seen[1] > seen[0]
