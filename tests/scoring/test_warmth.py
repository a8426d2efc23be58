"""Cold, partial and warm turns, by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from autotune.records import TurnRecord
from autotune.scoring.warmth import Warmth, classified, kind_table, kinds_of, warmth_of

Record = Callable[..., TurnRecord]
COLD, PARTIAL, WARM, UNKNOWN = Warmth.COLD, Warmth.PARTIAL, Warmth.WARM, Warmth.UNKNOWN


@pytest.mark.parametrize(
    ("depth", "cached", "reusable", "kind"),
    [
        (10_000, 0, None, COLD),  # the first turn of a session
        (10_000, 64, None, COLD),  # the template's own words, which every request leaves behind
        (10_000, 999, None, COLD),  # less than a tenth
        (10_000, 5_000, None, PARTIAL),  # another session's system prompt
        (10_000, 9_000, None, WARM),  # a tenth is left to compute
        (10_000, 8_999, None, PARTIAL),
        (1_000, 680, None, WARM),  # 320 tokens are left: blocks and a tail
        (1_000, 679, None, PARTIAL),
        # the turn before left 9,000: 1,000 are new
        (10_000, 9_000, 9_000, WARM),
        (10_000, 8_992, 9_000, WARM),  # whole blocks of 16
        (10_000, 8_704, 9_000, WARM),  # whole blocks of 256, and the last one anew
        (10_000, 8_680, 9_000, WARM),
        (10_000, 8_679, 9_000, PARTIAL),
        (10_000, 900, 9_000, PARTIAL),
        (10_000, 899, 9_000, COLD),
        (10_000, 0, 9_000, COLD),
        # a large tool result: little could be reused, and all of it was
        (30_000, 2_000, 2_000, WARM),
        # deep: two hundredths are 2,000 tokens
        (101_000, 98_000, 100_000, WARM),
        (101_000, 97_999, 100_000, PARTIAL),
        # a prompt that got shorter can hold no more than itself
        (500, 490, 9_000, WARM),
        # shallow: slack never makes a turn warm that reused nothing
        (200, 0, 100, COLD),
        (200, 49, 100, COLD),
        (200, 96, 100, WARM),
        (30, 20, 20, WARM),
        (None, 5, 5, UNKNOWN),
        (10_000, None, 9_000, UNKNOWN),  # absent is not zero
    ],
)
def test_the_kind_of_a_turn(
    depth: int | None, cached: int | None, reusable: int | None, kind: Warmth
) -> None:
    assert warmth_of(depth, cached, reusable) is kind


def test_what_a_turn_could_reuse_is_the_prompt_before_it_in_its_session(record: Record) -> None:
    records = [
        record(0, "a", depth_tokens=8_000, cached_tokens=0),
        record(0, "b", depth_tokens=9_000, cached_tokens=4_000),  # a's system prompt
        record(1, "a", depth_tokens=20_000, cached_tokens=7_936),  # all of 8,000 but half a block
        record(1, "b", depth_tokens=9_500, cached_tokens=4_000),  # b was pushed out by a
        record(2, "a", depth_tokens=21_000, cached_tokens=None),
        record(3, "a", depth_tokens=22_000, cached_tokens=21_000),
    ]
    kinds = [kind for _, kind in classified(records)]
    assert kinds == [COLD, PARTIAL, WARM, PARTIAL, UNKNOWN, WARM]


def test_a_context_edit_and_a_failed_turn_leave_nothing_to_count_on(record: Record) -> None:
    records = [
        record(0, depth_tokens=30_000, cached_tokens=0),
        # Compacted to 6,000, of which 2,000 are the old head: by the edit, not by the engine.
        record(1, depth_tokens=6_000, cached_tokens=2_000, boundary="compaction"),
        record(2, depth_tokens=7_000, cached_tokens=6_000),
        record(3, depth_tokens=8_000, failure="hang", cached_tokens=0),
        record(4, depth_tokens=9_000, cached_tokens=6_900),
    ]
    kinds = [kind for _, kind in classified(records)]
    # The last one by what the last good turn left, 7,000.
    assert kinds == [COLD, PARTIAL, WARM, UNKNOWN, WARM]


def test_blocks_and_arms_are_sessions_of_their_own_and_a_trial_may_begin_again(
    record: Record,
) -> None:
    first = [record(at, depth_tokens=5_000 + at, cached_tokens=5_000 * at) for at in range(2)]
    again = [record(0, depth_tokens=5_000, cached_tokens=0)]  # a kill: the same arm from its start
    other = [record(1, block=1, depth_tokens=5_001, cached_tokens=0)]
    kinds = [kind for _, kind in classified([*first, *again, *other])]
    assert kinds == [COLD, WARM, COLD, COLD]


def test_records_may_come_in_any_order_and_a_part_is_judged_by_the_whole(record: Record) -> None:
    records = [
        record(0, depth_tokens=1_000, cached_tokens=0, ttft_s=4.0, wall_s=5.0),
        record(1, depth_tokens=20_000, cached_tokens=1_000, ttft_s=3.0, wall_s=4.0),
        record(2, depth_tokens=21_000, cached_tokens=20_000, ttft_s=1.0, wall_s=2.0),
    ]
    kinds = kinds_of(reversed(records))
    assert list(kinds.values()) == [COLD, WARM, WARM]
    deep = kind_table(records[1:], kinds)
    assert [(row.kind, row.turns, row.ttft_p50_s, row.total_wait_s) for row in deep] == [
        ("warm", 2, 2.0, 6.0)
    ]
    # Alone, nobody can know that its 1,000 tokens were all there was.
    assert kind_table(records[1:])[0].kind == "cold"


def test_a_row_for_each_kind_that_there_is(record: Record) -> None:
    records = [
        record(0, depth_tokens=10_000, cached_tokens=0, ttft_s=9.0, wall_s=10.0),
        record(1, depth_tokens=10_500, cached_tokens=10_000, ttft_s=1.0, wall_s=2.0),
        record(2, depth_tokens=11_000, cached_tokens=10_500, ttft_s=2.0, wall_s=3.0),
        record(3, depth_tokens=12_000, failure="hang"),
    ]
    cold, warm = kind_table(records)
    assert (cold.kind, cold.turns, cold.ttft_p50_s, cold.total_wait_s) == ("cold", 1, 9.0, 10.0)
    assert (warm.kind, warm.turns, warm.ttft_p50_s, warm.total_wait_s) == ("warm", 2, 1.5, 5.0)
    assert warm.ttft_p95_s == pytest.approx(1.95)
    assert kind_table([]) == ()
