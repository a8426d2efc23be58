"""Token numbers, packed and compared."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotune.scoring.reuse_tokens import Tokens, shared

NUMBERS = st.lists(st.integers(0, 3), max_size=12)


@given(NUMBERS, NUMBERS)
def test_shared_is_the_count_of_equal_leading_numbers(one: list[int], other: list[int]) -> None:
    slow = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        slow += 1
    assert shared(Tokens.of(one), Tokens.of(other)) == slow


def test_tokens_are_counted_joined_and_cut() -> None:
    tokens = Tokens.of([5, 6, 7]) + Tokens.of([8])
    assert len(tokens) == 4
    assert tokens.first(3) == Tokens.of([5, 6, 7])
    assert tokens.first(-1) == Tokens()
