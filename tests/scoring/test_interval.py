"""Two arms on the same turns: the ratio by hand, the interval by its properties."""

from __future__ import annotations

import math
import random
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.records import TurnRecord
from autotune.scoring.comparison import Method, Statistic
from autotune.scoring.counts import BY_TURN
from autotune.scoring.interval import METRICS, Comparison, compare, turn_by_turn
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


def twice(records: list[TurnRecord]) -> list[TurnRecord]:
    """The same turns in two blocks, with equal times."""
    return [replace(r, block=block) for block in range(2) for r in records]


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
    found = compare(twice(default), twice(default))
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
    default = twice([
        TurnRecord(
            arm="x", block=0, order=at, session_id=f"s{at % sessions}", turn=at, started_at="",
            asked_output_tokens=10, output_tokens=10, ttft_s=ttft, decode_tps=rate, wall_s=wall,
        )
        for at, (ttft, rate, wall) in enumerate(times)
    ])  # fmt: skip
    candidate = faster(default, k)
    found = compare(default, candidate, seed=seed, resamples=50)
    _all_are(found, k)
    random.Random(seed).shuffle(candidate)
    assert compare(default[::-1], candidate, seed=seed, resamples=50) == found


def _all_are(found: Comparison, k: float) -> None:
    """Every draw of every ratio is k, so the interval is k too."""
    ratios = [found.metric(name) for name in METRICS]
    paired = [found.by_turn[name].mean for name in METRICS]
    for each in (*ratios, *paired, *(found.by_turn[name].median for name in METRICS)):
        assert each is not None
        assert (each.ratio, each.low, each.high) == pytest.approx((k, k, k))


def noisy(rng: random.Random, sessions: int, blocks: int, spread: float) -> list[TurnRecord]:
    """Three turns a session, every time off by a log-normal factor."""
    return [
        TurnRecord(
            arm="x", block=block, order=turn, session_id=f"s{name}", turn=turn, started_at="",
            asked_output_tokens=10, output_tokens=10,
            ttft_s=(1.0 + turn) * rng.lognormvariate(0, spread),
            decode_tps=10.0 * rng.lognormvariate(0, spread),
            wall_s=(3.0 + turn) * rng.lognormvariate(0, spread),
        )
        for block in range(blocks) for name in range(sessions) for turn in range(3)
    ]  # fmt: skip


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([1, 2, 4]), st.sampled_from([1, 3]))
def test_swapping_the_arms_inverts_every_ratio_and_interval(
    seed: int, sessions: int, blocks: int
) -> None:
    rng = random.Random(seed)
    one, other = (noisy(rng, sessions, blocks, 0.2) for _ in range(2))
    there, back = compare(one, other, resamples=100), compare(other, one, resamples=100)
    for name in METRICS:
        pairs = [
            (there.metric(name), back.metric(name)),
            (there.by_turn[name].mean, back.by_turn[name].mean),
            (there.by_turn[name].median, back.by_turn[name].median),
        ]
        for left, right in pairs:
            assert left is not None
            assert right is not None
            assert right.low is not None
            assert right.high is not None
            assert right.low <= right.ratio <= right.high
            inverse = (1 / right.ratio, 1 / right.high, 1 / right.low)
            assert (left.ratio, left.low, left.high) == pytest.approx(inverse)
            assert left.method == right.method


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 1000), st.sampled_from([0.8, 1.1, 3.0]))
def test_a_true_difference_multiplies_the_ratio_and_both_bounds(seed: int, k: float) -> None:
    rng = random.Random(seed)
    one, other = (noisy(rng, 4, 3, 0.1) for _ in range(2))
    for name in METRICS:
        plain = compare(one, other, resamples=100).metric(name)
        scaled = compare(one, faster(other, k), resamples=100).metric(name)
        assert plain is not None
        assert scaled is not None
        assert plain.low is not None
        assert plain.high is not None
        expected = (plain.ratio * k, plain.low * k, plain.high * k)
        assert (scaled.ratio, scaled.low, scaled.high) == pytest.approx(expected)


def test_paired_ratios_see_what_medians_hide(record: Record) -> None:
    # TTFT 1, 2, 9 s against 0.5, 2, 3 s: the medians are equal, the turns got faster by
    # 2, 1 and 3: their geometric mean is the cube root of 6, their median 2.
    default = twice([record(at, "s", ttft_s=t, decode_tps=10.0) for at, t in enumerate((1, 2, 9))])
    candidate = twice([record(at, "s", ttft_s=t) for at, t in enumerate((0.5, 2, 3))])
    found = compare(default, candidate, objective=Objective.TTFT)
    assert found.ratio == 1.0
    assert found.by_turn["ttft"].mean.ratio == pytest.approx(6 ** (1 / 3))
    assert found.by_turn["ttft"].median.ratio == pytest.approx(2.0)
    assert found.by_turn["ttft"].pairs == 6


def test_a_comparison_may_be_told_turn_by_turn(record: Record) -> None:
    default = twice([record(at, "s", ttft_s=t, decode_tps=10.0) for at, t in enumerate((1, 2, 9))])
    candidate = twice([record(at, "s", ttft_s=t) for at, t in enumerate((0.5, 2, 3))])
    found = compare(default, candidate, objective=Objective.TTFT)
    assert found.statistic is Statistic.MEDIANS
    told = turn_by_turn(found)
    assert told is not None
    assert told.statistic is Statistic.TURNS
    mean = found.by_turn["ttft"].mean
    assert (told.ratio, told.low, told.high) == (mean.ratio, mean.low, mean.high)
    assert (told.confidence, told.ttft) == (found.confidence, found.ttft)
    assert turn_by_turn(replace(found, by_turn={})) is None


def test_two_blocks_that_disagree_reach_as_far_as_one_degree_of_freedom(record: Record) -> None:
    # Every pair of block 0 has the ratio 1, every pair of block 1 the ratio e^0.2. The mean of
    # the paired logarithms is 0.1, without one block 0.2 or 0: a standard error of
    # sqrt(1/2 * (0.1^2 + 0.1^2)) = 0.1, times t(0.975, 1) = 12.706.
    default = twice([record(turn, f"s{s}") for s in range(4) for turn in range(3)])
    candidate = [replace(r, ttft_s=(r.ttft_s or 0) * math.exp(-0.2 * r.block)) for r in default]
    found = compare(default, candidate, objective=Objective.TTFT).by_turn["ttft"].mean
    assert found.low is not None
    assert found.high is not None
    assert math.log(found.ratio) == pytest.approx(0.1)
    assert math.log(found.low) == pytest.approx(0.1 - 1.2706, abs=1e-4)
    assert math.log(found.high) == pytest.approx(0.1 + 1.2706, abs=1e-4)


def test_one_block_is_directional_and_wider_by_the_noise_that_it_cannot_show(
    default: list[TurnRecord],
) -> None:
    once, floored = (compare(default, default, floor=f) for f in (None, {"turn_s": 0.05}))
    assert (once.low, once.high) == pytest.approx((1 / 1.15, 1.15))
    assert (floored.low, floored.high) == pytest.approx((math.exp(-0.05), math.exp(0.05)))
    assert floored.floor == {"turn_s": 0.05}
    assert once.directional
    assert not compare(twice(default), twice(default)).directional
    few = twice(default[:2])
    assert compare(few, few).directional  # four pairs


def test_many_candidates_share_the_risk() -> None:
    rng = random.Random(7)
    one, other = (noisy(rng, 6, 3, 0.1) for _ in range(2))
    alone, among = compare(one, other), compare(one, other, candidates=5)
    assert (alone.confidence, alone.level) == (0.95, "95%")
    assert (among.confidence, among.level) == (pytest.approx(0.99), "99%")
    assert among.low is not None
    assert alone.low is not None
    assert among.low < alone.low


def test_what_was_drawn_and_how_is_told() -> None:
    rng = random.Random(3)
    told = {}
    for sessions, blocks in ((4, 3), (2, 3), (1, 1)):
        arms = (noisy(rng, sessions, blocks, 0.1) for _ in range(2))
        found = compare(*arms, resamples=200)
        told[sessions] = (found.unit, found.drawn, found.blocks, found.method)
    assert told == {
        4: (BY_SESSION, 4, 3, Method.BCA),
        2: (BY_RUN, 6, 3, Method.BCA),
        1: (BY_TURN, 3, 1, Method.BCA),
    }


@settings(max_examples=10, deadline=None)
@given(st.data())
def test_the_interval_holds_the_ratio_of_noisy_sessions(data: st.DataObject) -> None:
    factors = data.draw(st.lists(st.floats(0.8, 1.25), min_size=24, max_size=24))
    default = noisy(random.Random(0), 4, 2, 0.0)
    other = [faster([r], k)[0] for r, k in zip(default, factors, strict=True)]
    found = compare(default, other, objective=Objective.TTFT, resamples=200)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= found.ratio <= found.high
