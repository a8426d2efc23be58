"""Two arms on the same turns: the ratio by hand, the interval by its properties."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.records import TurnRecord
from autotune.scoring.interval import Comparison, compare
from autotune.scoring.metrics import NoMetricValue
from autotune.scoring.objective import Objective
from autotune.scoring.resampling import BY_RUN, BY_SESSION

Record = Callable[..., TurnRecord]
SECONDS = st.floats(0.01, 100.0)


def faster(records: list[TurnRecord], k: float) -> list[TurnRecord]:
    """The same turns, k times as fast."""
    return [
        replace(
            r,
            arm="fast",
            ttft_s=None if r.ttft_s is None else r.ttft_s / k,
            wall_s=None if r.wall_s is None else r.wall_s / k,
            decode_tps=None if r.decode_tps is None else r.decode_tps * k,
        )
        for r in records
    ]


@pytest.fixture
def default(record: Record) -> list[TurnRecord]:
    """Four sessions of three turns: TTFT 1, 2, 3 s; 10 tokens at 10, 5, 2 tokens/s."""
    return [
        record(turn, f"s{name}", ttft_s=1.0 + turn, decode_tps=rate, wall_s=2.0 + turn)
        for name in range(4)
        for turn, rate in enumerate((10.0, 5.0, 2.0))
    ]


def test_the_ratio_by_hand(default: list[TurnRecord]) -> None:
    # Default: TTFT 2 s, 10 tokens at 5/s: 4 s. Candidate: TTFT 1 s, at 10/s: 2 s.
    candidate = [
        replace(r, ttft_s=r.turn * 1.0, decode_tps=(r.decode_tps or 0) * 2, wall_s=1.0)
        for r in default
    ]
    found = compare(default, candidate)
    assert found.ratio == 2.0
    assert found.ttft is not None
    assert found.decode is not None
    assert found.total_wait is not None
    assert (found.ttft.ratio, found.decode.ratio) == (2.0, 2.0)
    assert found.total_wait.ratio == 3.0  # 4 x (2 + 3 + 4) over 12 x 1
    assert (found.pairs, found.sessions, found.unpaired, found.unit) == (12, 4, 0, BY_SESSION)
    assert compare(default, candidate, objective=Objective.TTFT).objective is Objective.TTFT


def test_identical_arms_do_not_win(default: list[TurnRecord]) -> None:
    found = compare(default, default)
    assert (found.ratio, found.low, found.high) == (1.0, 1.0, 1.0)
    assert not found.wins
    assert not found.loses_total_wait


def test_one_lucky_session_of_four_does_not_win(default: list[TurnRecord]) -> None:
    lucky = faster([r for r in default if r.session_id == "s0"], 50.0)
    slower = faster([r for r in default if r.session_id != "s0"], 0.98)
    found = compare(default, [*lucky, *slower])
    assert found.low is not None
    assert found.high is not None
    assert found.low < 1 < found.high
    assert not found.wins


def test_blocks_pair_with_their_own_block(record: Record) -> None:
    default = [record(0, block=block, ttft_s=1.0 + block) for block in range(3)]
    candidate = [replace(r, ttft_s=(r.ttft_s or 0) / 2) for r in default]
    found = compare(default, candidate[::-1], objective=Objective.TTFT)
    assert (found.ratio, found.pairs, found.sessions, found.unit) == (2.0, 3, 1, BY_RUN)


def test_what_has_no_partner_is_counted_and_left_out(default: list[TurnRecord]) -> None:
    found = compare(default, faster(default[:-2], 2.0))
    assert (found.pairs, found.unpaired) == (10, 2)


def test_only_the_turns_at_depth_are_compared_but_for_the_wait(default: list[TurnRecord]) -> None:
    slow_elsewhere = [
        faster([r], 2.0)[0] if r.turn == 2 else replace(r, wall_s=60.0) for r in default
    ]
    keys = {(f"s{name}", 2) for name in range(4)}
    found = compare(default, slow_elsewhere, keys=keys)
    assert (found.pairs, found.ratio, found.wins) == (4, 2.0, True)
    assert found.loses_total_wait


def test_context_edits_are_compared_only_where_there_is_nothing_else(
    default: list[TurnRecord],
) -> None:
    edited = [replace(r, boundary="edit") if r.turn == 0 else r for r in default]
    assert compare(edited, edited).pairs == 8
    assert compare(edited, edited, keys={("s0", 0)}).pairs == 1
    with pytest.raises(NoMetricValue, match="no turn at depth"):
        compare(edited, edited, keys={("nobody", 0)})


def test_a_failed_turn_forbids_a_comparison(default: list[TurnRecord]) -> None:
    broken = [replace(default[0], failure="hang"), *default[1:]]
    for arms in ((default, broken), (broken, default)):
        with pytest.raises(NoMetricValue, match="failed"):
            compare(*arms)
    with pytest.raises(NoMetricValue, match="measured twice"):
        compare(default, [*default, default[0]])


def test_an_absent_metric_has_no_ratio(default: list[TurnRecord]) -> None:
    silent = [replace(r, decode_tps=None) for r in default]
    assert compare(default, silent, objective=Objective.TTFT).decode is None
    with pytest.raises(NoMetricValue, match="objective turn is absent"):
        compare(default, silent)


def test_a_metric_that_most_draws_lack_has_no_bounds(default: list[TurnRecord]) -> None:
    rare = [r if r.session_id == "s0" else replace(r, ttft_s=None) for r in default]
    found = compare(rare, rare, objective=Objective.TTFT)
    assert (found.ratio, found.low, found.high, found.wins) == (1.0, None, None, False)


@settings(max_examples=20, deadline=None)
@given(
    times=st.lists(st.tuples(SECONDS, SECONDS, SECONDS), min_size=12, max_size=12),
    sessions=st.sampled_from([1, 2, 3, 4]),
    k=st.sampled_from([0.5, 1.0, 2.0, 3.0]),
    seed=st.integers(0, 5),
)
def test_scaling_every_time_scales_the_ratio_and_order_is_nothing(
    times: list[tuple[float, float, float]], sessions: int, k: float, seed: int
) -> None:
    default = [
        TurnRecord(
            arm="x", block=0, order=at, session_id=f"s{at % sessions}", turn=at, started_at="",
            asked_output_tokens=10, output_tokens=10, ttft_s=ttft, decode_tps=rate, wall_s=wall,
        )
        for at, (ttft, rate, wall) in enumerate(times)
    ]  # fmt: skip
    candidate = faster(default, k)
    found = compare(default, candidate, seed=seed, resamples=50)
    _all_are(found, k)
    random.Random(seed).shuffle(candidate)
    assert compare(default[::-1], candidate, seed=seed, resamples=50) == found


def _all_are(found: Comparison, k: float) -> None:
    """Every draw of every ratio is k, so the interval is k too."""
    for each in (found.turn_s, found.ttft, found.decode, found.total_wait):
        assert each is not None
        assert (each.ratio, each.low, each.high) == pytest.approx((k, k, k))


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_the_interval_holds_the_ratio_of_noisy_sessions(data: st.DataObject) -> None:
    noise = st.floats(0.8, 1.25)
    default = [
        TurnRecord(
            arm="x", block=block, order=turn, session_id=f"s{name}", turn=turn, started_at="",
            asked_output_tokens=10, output_tokens=10, ttft_s=1.0 + turn, decode_tps=10.0,
            wall_s=3.0 + turn,
        )
        for block in range(2) for name in range(4) for turn in range(3)
    ]  # fmt: skip
    factors = data.draw(st.lists(noise, min_size=len(default), max_size=len(default)))
    noisy = [faster([r], k)[0] for r, k in zip(default, factors, strict=True)]
    found = compare(default, noisy, objective=Objective.TTFT, resamples=200)
    assert found.low is not None
    assert found.high is not None
    assert 0.8 <= found.low <= found.high <= 1.25 + 1e-9
