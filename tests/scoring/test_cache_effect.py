"""Warm and cold turns laid side by side, with numbers worked out by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.errors import ExitCode
from autotune.records import TurnRecord
from autotune.scoring.cache_effect import COLD_ARM, WARM_ARM, NotColdError, cache_effect
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.resampling import BY_RUN, BY_SESSION
from autotune.workload.depth import DepthBuckets

Record = Callable[..., TurnRecord]
Both = Callable[..., list[TurnRecord]]


@pytest.fixture
def both(record: Record) -> Both:
    """A turn under both arms: cold 4 s to the first token and 5 in all, warm 0.5 and 1.5."""

    def make(turn: int = 0, session: str = "a", **fields: Any) -> list[TurnRecord]:
        depth = fields.pop("depth_tokens", 1000)
        warm = {"cached_tokens": depth - 100, "computed_tokens": 100, "ttft_s": 0.5, "wall_s": 1.5}
        cold = {"cached_tokens": 0, "computed_tokens": depth, "ttft_s": 4.0, "wall_s": 5.0}
        only_warm, only_cold = fields.pop("warm", {}), fields.pop("cold", {})
        shared = {"depth_tokens": depth, **fields}
        return [
            record(turn, session, arm=WARM_ARM, **{**shared, **warm, **only_warm}),
            record(turn, session, arm=COLD_ARM, **{**shared, **cold, **only_cold}),
        ]

    return make


def test_one_turn_by_hand(both: Both) -> None:
    (row,) = cache_effect(both(cold={"decode_tps": 8.0})).turns
    assert (row.session_id, row.turn, row.blocks, row.depth_tokens) == ("a", 0, 1, 1000)
    assert (row.reused_tokens, row.cold_cached_tokens) == (900, 0)
    assert (row.prefilled_warm_tokens, row.prefilled_cold_tokens) == (100, 1000)
    assert (row.ttft_warm_s, row.ttft_cold_s, row.ttft_saved_s) == (0.5, 4.0, 3.5)
    assert (row.wall_warm_s, row.wall_cold_s, row.wall_saved_s) == (1.5, 5.0, 3.5)
    assert (row.decode_warm_tps, row.decode_cold_tps) == (10.0, 8.0)


def test_blocks_are_one_row_of_their_medians(both: Both) -> None:
    records = [
        one
        for block, cold_s in enumerate((3.0, 9.0, 5.0))
        for one in both(block=block, cold={"ttft_s": cold_s})
    ]
    found = cache_effect(records)
    (row,) = found.turns
    assert (row.blocks, found.blocks) == (3, 3)
    assert (row.ttft_cold_s, row.ttft_saved_s) == (5.0, 4.5)
    # Waiting is counted once through, not once a block.
    assert found.sessions[0].wait_cold_s == 5.0
    assert found.overall.pairs == 3
    assert found.overall.turns == 1


def test_waiting_is_summed_by_session(both: Both) -> None:
    records = [
        *both(0, "a"),
        *both(1, "a", cold={"wall_s": 20.0}),
        *both(0, "b", warm={"wall_s": 6.0}),
    ]
    found = cache_effect(records)
    waits = [(s.session_id, s.turns, s.wait_cold_s, s.wait_warm_s) for s in found.sessions]
    assert waits == [("a", 2, 25.0, 3.0), ("b", 1, 5.0, 6.0)]
    assert [s.saved_s for s in found.sessions] == [22.0, -1.0]
    assert found.saved_s == 21.0


def test_a_cold_turn_that_reused_tokens_is_named(both: Both) -> None:
    records = [*both(0, "a"), *both(7, "b", cold={"cached_tokens": 512}, block=2)]
    with pytest.raises(NotColdError) as caught:
        cache_effect(records)
    where = "session b turn 7 (block 2) reused 512 tokens although the cache is off"
    assert caught.value.message == where
    assert caught.value.hint
    assert caught.value.exit_code is ExitCode.MACHINE


def test_a_failed_turn_or_none_at_all_is_no_experiment(both: Both) -> None:
    with pytest.raises(NoMetricValue, match=r"session a turn 0 of cache=on failed \(hang\)"):
        cache_effect(both(warm={"failure": "hang"}))
    with pytest.raises(NoMetricValue, match="under both cache=on and cache=off"):
        cache_effect(both()[:1])


def test_what_the_engine_does_not_say_is_absent(both: Both) -> None:
    silent = {"cached_tokens": None, "computed_tokens": None}
    found = cache_effect(both(warm=silent, cold=silent))
    (row,) = found.turns
    assert (row.reused_tokens, row.cold_cached_tokens, row.prefilled_warm_tokens) == (None,) * 3
    assert not found.checked
    assert found.overall.reused_share is None
    assert cache_effect(both()).checked


def test_other_arms_and_lonely_turns_are_left_out(both: Both, record: Record) -> None:
    lonely = record(1, arm=WARM_ARM)
    found = cache_effect([*both(), lonely, record(0, arm="default")])
    assert len(found.turns) == 1
    assert found.unpaired == 1


def test_arms_of_another_config_are_known_by_their_words(both: Both) -> None:
    named = [replace(r, arm=f"my-study#7,{r.arm},history=recorded") for r in both()]
    assert cache_effect(named).turns == cache_effect(both()).turns


def test_prompts_of_different_lengths_are_counted(both: Both) -> None:
    records = [*both(0), *both(1, warm={"depth_tokens": 1001})]
    assert cache_effect(records).unequal_prompts == 1


def test_a_reply_that_ended_early_is_reckoned_to_its_length(both: Both) -> None:
    # 5 of 10 tokens at 10 tokens/s: half a second is missing.
    (row,) = cache_effect(both(warm={"output_tokens": 5})).turns
    assert row.wall_warm_s == 2.0


def test_depths_by_hand(both: Both) -> None:
    records = [
        *both(0, depth_tokens=1_000, warm={"cached_tokens": 0}, cold={"ttft_s": 0.5}),
        *both(1, depth_tokens=20_000, cold={"ttft_s": 2.5}),
        *both(2, depth_tokens=22_000, cold={"ttft_s": 4.5}),
        *both(3, depth_tokens=29_000, boundary="compaction", cold={"ttft_s": 99.0}),
    ]
    found = cache_effect(records)
    shallow, middle = found.buckets
    assert (shallow.bucket, shallow.reusing, shallow.saved_p50_s) == ("0-10k", 0, 0.0)
    assert (shallow.saved_low_s, shallow.saved_high_s) == (None, None)
    assert (middle.bucket, middle.turns, middle.reusing) == ("10-30k", 2, 2)
    assert (middle.ttft_cold_p50_s, middle.ttft_warm_p50_s, middle.ratio) == (3.5, 0.5, 7.0)
    assert middle.ttft_cold_p95_s == pytest.approx(4.4)
    assert middle.saved_p50_s == 3.0
    assert middle.reused_share == pytest.approx((19_900 + 21_900) / 42_000)
    assert (middle.depth_p50_tokens, middle.reused_p50_tokens) == (21_000, 20_900)
    assert middle.directional
    # Context edits are in no bucket, but they were waited for.
    assert found.overall.turns == 4
    assert found.overall.ttft_cold_p50_s == 3.5
    assert cache_effect(records, buckets=DepthBuckets((50_000,))).buckets[0].turns == 3


def test_the_interval_holds_what_was_saved_and_says_what_was_drawn(both: Both) -> None:
    records = [
        one
        for name in "abcde"
        for turn in range(4)
        for one in both(turn, name, cold={"ttft_s": 4.0 + turn})
    ]
    found = cache_effect(records)
    row = found.overall
    assert row.saved_p50_s == 5.0
    assert row.saved_low_s is not None
    assert row.saved_high_s is not None
    assert row.saved_low_s <= 5.0 <= row.saved_high_s
    assert found.unit == BY_SESSION
    assert cache_effect(records) == found
    assert cache_effect([r for r in records if r.session_id < "c"]).unit == BY_RUN


@settings(max_examples=25)
@given(st.lists(st.floats(0.01, 50.0), min_size=2, max_size=8), st.floats(-5.0, 50.0))
def test_a_constant_saving_is_found_exactly(warm: list[float], saved: float) -> None:
    records = [
        TurnRecord(
            arm=arm,
            block=0,
            order=turn,
            session_id="a",
            turn=turn,
            started_at="2026-01-01T00:00:00+00:00",
            asked_output_tokens=1,
            ttft_s=ttft_s + more_s,
        )
        for turn, ttft_s in enumerate(warm)
        for arm, more_s in ((WARM_ARM, 0.0), (COLD_ARM, saved))
    ]
    row = cache_effect(records, resamples=50).overall
    assert row.saved_p50_s == pytest.approx(saved, abs=1e-9)
    assert row.saved_low_s == pytest.approx(saved, abs=1e-9)
    assert row.saved_high_s == pytest.approx(saved, abs=1e-9)


def test_tokens_that_are_reused_and_save_nothing_are_called_that(both: Both) -> None:
    none = [one for turn in range(6) for one in both(turn, cold={"ttft_s": 0.5})]
    assert cache_effect(none).overall.saves_nothing
    assert not cache_effect(none[:8]).overall.saves_nothing  # four turns say little
    some = [one for turn in range(6) for one in both(turn)]
    assert not cache_effect(some).overall.saves_nothing
    assert not cache_effect([replace(r, cached_tokens=0) for r in none]).overall.saves_nothing
