"""What is worth a thought."""

from __future__ import annotations

from entries import SPACE

from autotune.search.planned import TOGETHER
from autotune.search.proposals import DRAWS, draws, singles, starts, together

DEFAULT = {"a": 1, "b": 1}


def test_singles_change_one_flag_to_each_of_its_values() -> None:
    found = {p.label: dict(p.values) for p in singles(SPACE, DEFAULT)}
    assert found == {
        # A flag that comes with it is at its default.
        "step: a 2": {"a": 2, "b": 1, "c": 1},
        "step: b 2": {"a": 1, "b": 2},
    }


def test_starts_are_laid_over_what_is_there() -> None:
    found = {p.label: (dict(p.values), p.start) for p in starts(SPACE, {"a": 1, "b": 2})}
    assert found["first"] == ({"a": 2, "b": 2, "c": 2}, "first")
    assert found["second"] == ({"a": 1, "b": 2}, "second")


def test_what_changes_together_is_named() -> None:
    found = together(SPACE, DEFAULT, {"a": 2, "b": 2})
    assert found.label == TOGETHER + "a 2, b 2, c 1"


def test_draws_are_the_same_for_the_same_seed() -> None:
    first, again, other = (list(draws(SPACE, DEFAULT, s)) for s in ("0-4", "0-4", "0-5"))
    assert len(first) == DRAWS
    assert first == again
    assert first != other
