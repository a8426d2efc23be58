"""Distances between lists of likely tokens, worked out by hand."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.scoring.divergence import FARTHEST, divergence, same_top, top_token


def logs(**shares: float) -> dict[str, float]:
    return {token: math.log(share) for token, share in shares.items()}


def test_equal_lists_are_at_distance_zero() -> None:
    one = logs(a=0.7, b=0.2, c=0.05)
    assert divergence(one, dict(one)) == 0.0


def test_both_lists_name_the_same_tokens() -> None:
    # 0.5 ln(0.5/0.25) + 0.25 ln(0.25/0.5) + 0.25 ln(0.25/0.25) for the rest
    found = divergence(logs(a=0.5, b=0.25), logs(a=0.25, b=0.5))
    assert found == pytest.approx(0.25 * math.log(2))


def test_a_sure_token_left_with_three_quarters_is_a_quarter_nat() -> None:
    found = divergence(logs(a=0.99, b=0.005), logs(a=0.76, b=0.2))
    assert found == pytest.approx(0.99 * math.log(0.99 / 0.76) + 0.005 * math.log(0.005 / 0.2)
                                  + 0.005 * math.log(0.005 / 0.04))  # fmt: skip
    assert 0.2 < found < 0.3


def test_a_token_that_fell_out_of_the_list_has_at_most_the_least_that_is_listed() -> None:
    # a is not listed by the candidate: it has at most min(0.01, (1 - 0.91) / 2) = 0.01 there, and
    # b, c are not listed by the reference: at most min(0.9, (1 - 0.9) / 3) = 0.0333 each.
    found = divergence(logs(a=0.9), logs(b=0.9, c=0.01))
    third = 0.1 / 3
    by_hand = (
        0.9 * math.log(0.9 / 0.01)
        + third * math.log(third / 0.9)
        + third * math.log(third / 0.01)
        + third * math.log(third / 0.08)
    )
    assert found == pytest.approx(by_hand)


def test_lists_that_sum_to_one_leave_a_tiny_rest_and_no_error() -> None:
    assert divergence(logs(a=1.0), logs(b=1.0)) == pytest.approx(FARTHEST, rel=0.01)
    with pytest.raises(ValueError, match="without a token"):
        divergence({}, logs(a=1.0))


def test_the_likeliest_token_is_one_even_when_two_are_equally_likely() -> None:
    assert top_token({"b": -0.5, "a": -0.5, "c": -3.0}) == "a"
    assert same_top(logs(a=0.6, b=0.3), logs(a=0.5, b=0.4))
    assert not same_top(logs(a=0.6, b=0.3), logs(a=0.3, b=0.6))


shares = st.dictionaries(
    st.sampled_from("abcdefgh"), st.floats(1e-6, 1.0), min_size=1, max_size=6
).map(lambda raw: {k: math.log(v / (sum(raw.values()) * 1.01)) for k, v in raw.items()})


@settings(max_examples=50, deadline=None)
@given(shares, shares)
def test_never_below_zero_and_zero_for_itself(
    one: dict[str, float], other: dict[str, float]
) -> None:
    assert divergence(one, other) >= 0.0
    assert divergence(one, one) == 0.0
