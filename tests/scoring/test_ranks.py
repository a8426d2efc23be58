"""Rank agreement and the chart's pick, by hand."""

from __future__ import annotations

import json
from dataclasses import asdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.scoring.ranks import Charted, judge_chart, median_or_none, rank_agreement


def test_tau_by_hand() -> None:
    same = rank_agreement([1, 2, 3, 4], [10, 20, 30, 40])
    assert (same.tau_b, same.alike, same.opposed, same.tied) == (1.0, 6, 0, 0)
    assert rank_agreement([1, 2, 3, 4], [4, 3, 2, 1]).tau_b == -1.0
    # Of the six pairs, (3, 4) and (2, 4) are the other way around: (4 - 2) / 6.
    mixed = rank_agreement([1, 2, 3, 4], [1, 3, 4, 2])
    assert mixed.tau_b == pytest.approx(1 / 3)
    assert (mixed.alike, mixed.opposed) == (4, 2)
    assert mixed.alike_share == pytest.approx(2 / 3)


def test_ties_by_hand() -> None:
    # Pairs: (0,1) tied in one; (0,2) and (1,2) alike. 2 / sqrt(2 x 3).
    tied = rank_agreement([1, 1, 2], [1, 2, 3])
    assert tied.tau_b == pytest.approx(2 / 6**0.5)
    assert (tied.alike, tied.opposed, tied.tied, tied.alike_share) == (2, 0, 1, 1.0)
    flat = rank_agreement([1, 1, 1], [1, 2, 3])
    assert (flat.tau_b, flat.alike_share, flat.low, flat.high) == (None, None, None, None)


def test_few_configs_are_said_to_be_few() -> None:
    assert rank_agreement([1, 2], [1, 2]).directional
    assert rank_agreement([1, 2], [1, 2]).low is None
    assert rank_agreement([1, 2, 3, 4], [1, 2, 3, 4]).directional
    assert not rank_agreement([1, 2, 3, 4, 5], [1, 2, 3, 4, 5]).directional
    nothing = rank_agreement([], [])
    assert (nothing.n, nothing.tau_b) == (0, None)
    with pytest.raises(ValueError, match="2 values against 1"):
        rank_agreement([1, 2], [1])


def test_the_interval_is_wide_for_noise_and_narrow_for_the_same_order() -> None:
    order = [float(at) for at in range(12)]
    same = rank_agreement(order, order)
    assert (same.low, same.high) == (1.0, 1.0)
    shuffled = [3.0, 9.0, 1.0, 7.0, 0.0, 11.0, 5.0, 2.0, 10.0, 4.0, 8.0, 6.0]
    noise = rank_agreement(order, shuffled, seed=1)
    assert noise.low is not None
    assert noise.high is not None
    assert noise.low < 0 < noise.high
    assert noise == rank_agreement(order, shuffled, seed=1)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), max_size=12))
def test_tau_is_scipys(pairs: list[tuple[int, int]]) -> None:
    from scipy.stats import kendalltau

    one, other = [float(a) for a, _ in pairs], [float(b) for _, b in pairs]
    found = rank_agreement(one, other, resamples=5)
    assert found.alike + found.opposed + found.tied == len(pairs) * (len(pairs) - 1) // 2
    if found.tau_b is not None:
        assert found.tau_b == pytest.approx(kendalltau(one, other).statistic)
        assert rank_agreement(other, one, resamples=5).tau_b == pytest.approx(found.tau_b)


def row(trial: int, tps: float, value_s: float, **more: object) -> Charted:
    return Charted(trial=trial, tokens_per_s=tps, value_s=value_s, **more)  # type: ignore[arg-type]


def test_what_the_chart_would_have_picked_and_what_it_costs() -> None:
    rows = [
        row(0, 20.0, 2.0, is_default=True),
        row(1, 22.0, 1.6),
        row(2, 38.0, 2.5, changes={"spec": "ngram"}),
        row(3, 10.0, 1.9),
    ]
    verdict = judge_chart(rows)
    assert verdict is not None
    assert (verdict.picked.trial, verdict.best.trial) == (2, 1)
    assert verdict.default is rows[0]
    assert verdict.chart_gain == pytest.approx(1.9)
    assert verdict.agent_gain == pytest.approx(0.8)
    assert verdict.best_gain == pytest.approx(1.25)
    assert verdict.cost == pytest.approx(2.5 / 1.6)
    # By speed the sessions say 1 > 3 > 0 > 2, the chart 2 > 1 > 0 > 3: two pairs of six alike.
    assert (verdict.agreement.alike, verdict.agreement.opposed) == (2, 4)
    assert verdict.agreement.tau_b == pytest.approx(-1 / 3)
    assert verdict.prefill_agreement is None
    assert json.loads(json.dumps(asdict(verdict)))["picked"]["changes"] == {"spec": "ngram"}


def test_prefill_is_compared_where_all_have_it_and_a_default_may_be_missing() -> None:
    rows = [row(1, 1.0, 2.0, prefill_tokens_per_s=5.0), row(2, 2.0, 1.0, prefill_tokens_per_s=9.0)]
    verdict = judge_chart(rows)
    assert verdict is not None
    assert verdict.prefill_agreement is not None
    assert verdict.prefill_agreement.tau_b == 1.0
    assert (verdict.chart_gain, verdict.agent_gain, verdict.best_gain) == (None, None, None)
    assert verdict.cost == 1.0
    assert judge_chart(rows[:1]) is None
    assert judge_chart([]) is None


def test_the_median_of_what_is_there() -> None:
    assert median_or_none([3.0, None, 1.0]) == 2.0
    assert median_or_none([None]) is None
