"""What is worth a thought."""

from __future__ import annotations

from entries import SPACE

from autotune.search.planned import TOGETHER
from autotune.search.proposals import DRAWS, draws, matched, singles, starts, together
from autotune.search.space import Parameter, Space

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


def test_flags_with_the_same_choices_are_changed_together() -> None:
    types = ("f16", "q8_0", "q4_0")
    space = Space(
        "e",
        (
            Parameter("k", types, "f16", "quantization"),
            Parameter("v", types, "f16", "quantization"),
            Parameter("backend", types, "f16", "flash attention"),
            Parameter("p", (1, 2, 3), 1, "quantization", ordered=True),
            Parameter("q", (1, 2, 3), 1, "quantization", ordered=True),
        ),
    )
    found = {p.label: dict(p.values) for p in matched(space, {**space.defaults, "k": "q4_0"})}
    assert found == {
        TOGETHER + f"k {kind}, v {kind}": {**space.defaults, "k": kind, "v": kind} for kind in types
    }
    assert all(p.start == p.label for p in matched(space, space.defaults))
    assert len(list(matched(space, space.defaults))) == 2  # f16 is what it has
