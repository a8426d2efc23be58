"""Part of a replay from the records of all of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.errors import UserError
from autotune.records import TurnRecord
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.trial.recorded_part import keys_of, original, part_of, prefill_s_a_token
from autotune.workload.model import Turn


def record(order: int, session: str, turn: int, cached: int, computed: int) -> TurnRecord:
    """A token of prompt takes 10 ms, one of the 11 of the reply 100 ms."""
    ttft_s = computed / 100
    return TurnRecord(
        arm="a", block=0, order=order, session_id=session, turn=turn, started_at="",
        asked_output_tokens=11, depth_tokens=cached + computed, cached_tokens=cached,
        computed_tokens=computed, output_tokens=11, ttft_s=ttft_s, decode_tps=10.0,
        wall_s=ttft_s + 1.0,
    )  # fmt: skip


# Two sessions, each of a cold prompt of 500 tokens and 100 more a turn, the reply's 11 among them.
RECORDS = [
    record(0, "s", 0, 0, 500),
    record(1, "s", 1, 511, 89),
    record(2, "s", 2, 611, 89),
    record(3, "t", 0, 0, 400),
    record(4, "t", 1, 411, 89),
]


def plan(*turns: tuple[str, int], tokens: int = 11) -> ReplayPlan:
    planned = (PlannedTurn(at, Turn(s, i, ()), tokens) for at, (s, i) in enumerate(turns))
    return ReplayPlan(tuple(planned), History.CLOSED_LOOP, 1, "part")


def test_a_beginning_is_as_it_was() -> None:
    asked = plan(("s", 0), ("s", 1), ("t", 0))
    told = part_of(RECORDS, asked)
    assert told == (RECORDS[0], RECORDS[1], replace(RECORDS[3], order=2))
    assert keys_of(asked) == (("s", 0), ("s", 1), ("t", 0))


def test_a_session_begun_in_its_middle_prefills_what_came_before() -> None:
    first, second = part_of(RECORDS, plan(("s", 1), ("s", 2)))
    # 511 tokens that were cached, at the cold turn's 10 ms each; then all is as it was.
    assert (first.cached_tokens, first.computed_tokens) == (0, 600)
    assert first.ttft_s == pytest.approx(0.89 + 5.11)
    assert first.wall_s == pytest.approx(1.89 + 5.11)
    assert second == replace(RECORDS[2], order=1)


def test_a_turn_that_is_left_out_is_prefilled_by_the_next() -> None:
    _, second = part_of(RECORDS, plan(("s", 0), ("s", 2)))
    # Of 611 cached tokens 500 of the prompt and 11 of its reply are there: 100 are not.
    assert (second.cached_tokens, second.computed_tokens) == (511, 189)
    assert second.ttft_s == pytest.approx(0.89 + 1.0)


def test_shorter_replies_cost_less() -> None:
    (told,) = part_of(RECORDS, plan(("t", 0), tokens=6))
    assert (told.output_tokens, told.ttft_s) == (6, 4.0)
    assert told.wall_s == pytest.approx(4.5)


def test_a_copy_of_a_session_is_answered_by_its_own_launch_else_by_the_original() -> None:
    copied = plan(("s~deep", 1), ("s", 0))
    estimated, whole = part_of(RECORDS, copied)
    assert (estimated.session_id, estimated.computed_tokens) == ("s~deep", 600)
    assert whole == replace(RECORDS[0], order=1)
    deep = replace(record(0, "s~deep", 1, 0, 600), ttft_s=7.0)
    assert part_of(RECORDS, copied, [[deep]])[0] == deep
    assert original(("s~deep", 1)) == original(("s", 1)) == ("s", 1)


def test_a_turn_that_was_not_recorded_is_refused() -> None:
    with pytest.raises(UserError, match="no turn 3 of session s"):
        part_of(RECORDS, plan(("s", 3)))


def test_the_coldest_turn_tells_how_fast_prompts_are_read() -> None:
    assert prefill_s_a_token(RECORDS) == pytest.approx(0.01)
    assert prefill_s_a_token([]) == 0.0
