from __future__ import annotations

from itertools import islice
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from autotune.workload.synthesis.words import (
    class_name,
    cycle,
    fill,
    function_name,
    phrase,
    sentence,
    sentences,
    variable,
)


@given(st.integers(0, 500), st.integers(0, 99))
def test_a_filled_text_is_never_too_long(chars: int, seed: int) -> None:
    text = fill(sentences(Random(seed)), chars, " ")
    assert len(text) <= chars
    assert chars - len(text) < 140


def test_filling_stops_at_whole_pieces() -> None:
    assert fill(iter(["abc", "de", "f"]), 6, " ") == "abc de"
    assert fill(iter(["abc"]), 100, " ") == "abc"
    assert fill(iter(["abcdef"]), 3, " ") == "abc"
    assert fill(iter([]), 3, " ") == ""


def test_cycling() -> None:
    assert list(islice(cycle(lambda: iter("ab")), 5)) == ["a", "b", "a", "b", "a"]
    assert list(cycle(lambda: iter(()))) == []


def test_words_are_what_they_should_be() -> None:
    rng = Random(1)
    for _ in range(50):
        assert function_name(rng).isidentifier()
        assert variable(rng).isidentifier()
        assert class_name(rng).isidentifier()
        assert len(phrase(rng).split()) == 3
        assert sentence(rng).endswith(".")
        assert "{" not in sentence(rng)
