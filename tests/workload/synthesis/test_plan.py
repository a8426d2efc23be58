from __future__ import annotations

from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.synthesis.plan import (
    MIN_REPLY_TOKENS,
    MIN_RESULT_TOKENS,
    StepPlan,
    growth_needed,
    plan_steps,
)


@given(st.integers(0, 10**6), st.integers(1, 30), st.integers(16, 300), st.integers(0, 50_000))
def test_a_plan_ends_where_it_should(seed: int, turns: int, reply: int, spare: int) -> None:
    start = 1_000
    depth = start + growth_needed(turns, reply) + spare
    steps = plan_steps(Random(seed), turns, start, depth, reply)
    assert len(steps) == turns
    assert steps[0].depth_tokens == start
    assert steps[-1].depth_tokens == (depth if turns > 1 else start)
    for before, after in pairwise(steps):
        room = after.depth_tokens - before.depth_tokens - before.reply_tokens
        assert room >= MIN_RESULT_TOKENS
    assert all(MIN_REPLY_TOKENS <= step.reply_tokens <= 8 * reply for step in steps)


def test_the_first_turn_never_follows_a_question() -> None:
    firsts = [plan_steps(Random(seed), 2, 1_000, 9_000, 50)[0] for seed in range(50)]
    assert not any(step.asks_user for step in firsts)


def test_nominal_time_of_a_turn() -> None:
    step = StepPlan(depth_tokens=1, reply_tokens=40, delay_ms=0.0, asks_user=False)
    assert step.busy_ms == 800.0 + 1000.0


def test_growth_at_the_least() -> None:
    assert growth_needed(1, 100) == 0
    assert growth_needed(3, 100) == 2 * (125 + 16)
