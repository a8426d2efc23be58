"""What one turn and many are worth, in seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autotune.records import TurnRecord
from autotune.scoring.objective import Objective

TURN = TurnRecord(
    arm="x", block=0, order=0, session_id="s", turn=0, started_at="then", asked_output_tokens=10,
    output_tokens=10, ttft_s=0.5, decode_tps=20.0,
)  # fmt: skip


@pytest.mark.parametrize(("objective", "seconds"), [("turn", 1.0), ("ttft", 0.5), ("decode", 0.05)])
def test_a_turn_is_worth_what_a_score_over_it_alone_is(objective: str, seconds: float) -> None:
    assert Objective(objective).turn_seconds(TURN) == pytest.approx(seconds)
    assert Objective(objective).seconds([TURN]) == pytest.approx(seconds)


def test_what_was_not_measured_is_absent() -> None:
    assert Objective.TTFT.turn_seconds(replace(TURN, ttft_s=None)) is None
    for gone in ({"ttft_s": None}, {"decode_tps": None}, {"output_tokens": None}):
        assert Objective.TURN.turn_seconds(replace(TURN, **gone)) is None
    assert Objective.DECODE.turn_seconds(replace(TURN, decode_tps=0.0)) is None
    # The first token may be late and the rate still known.
    assert Objective.DECODE.turn_seconds(replace(TURN, ttft_s=None)) == pytest.approx(0.05)


def test_a_reply_that_ended_early_is_worth_what_was_asked() -> None:
    """4 of 10 tokens at 20 a second: the turn is worth ten, like one that was written whole."""
    early = replace(TURN, output_tokens=4)
    assert Objective.TURN.turn_seconds(early) == pytest.approx(1.0)
    assert Objective.TURN.seconds([early]) == pytest.approx(1.0)
