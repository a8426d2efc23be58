"""One turn, slower, shorter, or with more to prefill: numbers worked out by hand."""

from __future__ import annotations

import pytest

from autotune.records import TurnRecord
from autotune.trial.recorded_turn import cached_tokens, primed, shorter, slower, typical

# 2 s to the first token, 20 further ones at 10 a second, and 0.5 s until the stream was closed.
TURN = TurnRecord(
    arm="a", block=0, order=3, session_id="s", turn=1, started_at="", asked_output_tokens=21,
    depth_tokens=1000, cached_tokens=900, computed_tokens=100, output_tokens=21, ttft_s=2.0,
    decode_tps=10.0, wall_s=4.5, server_prefill_s=1.8, server_decode_s=2.0, draft_tokens=10,
    draft_accepted_tokens=8,
)  # fmt: skip


def test_a_slow_machine_is_slow_in_everything_that_it_timed() -> None:
    slow = slower(TURN, 2.0, 4.0)
    assert (slow.ttft_s, slow.decode_tps) == (4.0, 2.5)
    assert (slow.server_prefill_s, slow.server_decode_s) == (3.6, 8.0)
    # 2 s more to the first token, and 20 tokens that take 0.4 s instead of 0.1 s.
    assert slow.wall_s == pytest.approx(4.5 + 2.0 + 6.0)
    assert slower(TURN, 1.0, 1.0) == TURN


def test_a_shorter_reply_takes_its_own_tokens_only() -> None:
    cut = shorter(TURN, 11)
    assert (cut.output_tokens, cut.asked_output_tokens, cut.finish_reason) == (11, 11, "length")
    assert cut.wall_s == pytest.approx(4.5 - 1.0)
    assert cut.server_decode_s == pytest.approx(2.0 * 11 / 21)
    assert (cut.draft_tokens, cut.draft_accepted_tokens) == (5, 4)
    assert (cut.ttft_s, cut.decode_tps) == (TURN.ttft_s, TURN.decode_tps)
    assert shorter(TURN, 40) == TURN


def test_what_is_not_cached_is_prefilled() -> None:
    cold = primed(TURN, 300, 0.01)
    assert (cold.cached_tokens, cold.computed_tokens) == (600, 400)
    assert (cold.ttft_s, cold.wall_s) == (5.0, 7.5)
    assert cold.server_prefill_s == pytest.approx(4.8)
    assert primed(TURN, 0, 0.01) == TURN


def test_the_typical_turn_has_the_medians() -> None:
    takes = [TURN, slower(TURN, 1.5, 1.0), slower(TURN, 3.0, 2.0)]
    told = typical(takes)
    assert (told.ttft_s, told.decode_tps) == (3.0, 10.0)
    assert told.wall_s == pytest.approx(5.5)
    assert typical([TURN]) is TURN


def test_cached_tokens_are_the_rest_where_only_computed_ones_are_told() -> None:
    assert cached_tokens(TURN) == 900
    untold = TurnRecord(
        arm="a", block=0, order=0, session_id="s", turn=0, started_at="", asked_output_tokens=1,
        depth_tokens=50, computed_tokens=20,
    )  # fmt: skip
    assert cached_tokens(untold) == 30
