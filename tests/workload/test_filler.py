"""Filler: one token a word, the same for the same seed, longer begins with shorter."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.filler import WORDS, filler


@given(st.text(max_size=5), st.integers(0, 200), st.integers(0, 200))
def test_more_filler_begins_with_less(seed: str, one: int, other: int) -> None:
    short, long = sorted((one, other))
    assert filler(seed, long).startswith(filler(seed, short))
    assert len(filler(seed, short).split()) == short


def test_seeds_part_at_once() -> None:
    assert filler("a", 20) != filler("b", 20)
    assert filler("a", -3) == ""


def test_words_are_plain_and_no_two_alike() -> None:
    assert len(set(WORDS)) == len(WORDS) > 300
    assert all(word.isascii() and word.islower() and word.isalpha() for word in WORDS)
