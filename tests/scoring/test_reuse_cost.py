"""The cost of prompt tokens, fitted to turns whose cost is known."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.records import TurnRecord
from autotune.scoring.reuse_cost import Prefill, cold_ones, fit_cost, prefills

OVERHEAD, LINEAR, GROWING = 0.05, 1e-3, 2e-8


def seconds(cached: int, depth: int) -> float:
    return OVERHEAD + LINEAR * (depth - cached) + GROWING * (depth**2 - cached**2) / 2


TURNS = [(0, 2000), (0, 20_000), (1900, 4000), (30_000, 60_000), (59_000, 60_000), (0, 40_000)]


def test_the_shares_are_found_again() -> None:
    cost = fit_cost([Prefill(c, d, seconds(c, d)) for c, d in TURNS])
    assert cost is not None
    assert (cost.overhead_s, cost.linear_s, cost.growing_s) == pytest.approx(
        (OVERHEAD, LINEAR, GROWING), rel=1e-3
    )
    assert cost.turn_s(0, 30_000) == pytest.approx(seconds(0, 30_000), rel=1e-3)
    assert cost.between_s(1000, 3000) == pytest.approx(2000 * LINEAR + 2000 * 2000 * GROWING)
    assert cost.to_json()["deepest_tokens"] == 60_000


def test_a_disturbed_turn_does_not_bend_it() -> None:
    rows = [Prefill(c, d, seconds(c, d)) for c, d in TURNS * 2]
    cost = fit_cost([*rows, Prefill(0, 10_000, 40 * seconds(0, 10_000))])
    assert cost is not None
    assert cost.turn_s(0, 30_000) == pytest.approx(seconds(0, 30_000), rel=0.05)


def test_of_one_turn_every_token_costs_the_same() -> None:
    cost = fit_cost([Prefill(0, 1200, 5.6)])
    assert cost is not None
    assert cost.between_s(0, 12_000) == pytest.approx(56.0)
    assert fit_cost([]) is None


def record(**fields: Any) -> TurnRecord:
    usual: dict[str, Any] = {
        "arm": "a", "block": 0, "order": 0, "session_id": "s", "turn": 0, "started_at": "",
        "asked_output_tokens": 4, "depth_tokens": 1000, "cached_tokens": 200, "ttft_s": 2.0,
        "server_prefill_s": 1.5,
    }  # fmt: skip
    return TurnRecord(**{**usual, **fields})


def test_the_engines_own_time_counts_where_every_turn_has_one() -> None:
    assert prefills([record()]) == [Prefill(200, 1000, 1.5)]
    assert prefills([record()], by_ttft=True) == [Prefill(200, 1000, 2.0)]
    mixed = [record(), record(server_prefill_s=None)]
    assert [row.seconds for row in prefills(mixed)] == [2.0, 2.0]
    assert prefills([record(cached_tokens=None), record(failure="crash")]) == []


def test_cold_ones_computed_most_of_their_prompt() -> None:
    rows = [Prefill(500, 1000, 1.0), Prefill(501, 1000, 1.0)]
    assert cold_ones(rows) == rows[:1]
