"""Which values an engine takes, as its space says."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.search.space_entries import ParameterEntry, Scalar
from autotune.search.space_values import among, is_of_type, refusal_of, shown, words_of


def entry(**table: Any) -> ParameterEntry:
    return ParameterEntry.model_validate({"default": table["choices"][0], "concept": "x", **table})


def test_true_is_not_one() -> None:
    assert among(1, [1.0])
    assert not among(True, [1])
    assert not among(0, [False])


@pytest.mark.parametrize(
    ("table", "value", "reason"),
    [
        ({"choices": [1, 2], "type": "integer", "most": 8}, 8, None),
        ({"choices": [1, 2], "type": "integer", "most": 8}, 9, "is more than 8"),
        ({"choices": [1, 2], "type": "integer", "most": 8, "accepts": [99]}, 99, None),
        ({"choices": [1], "type": "integer"}, "many", "is not a number"),
        ({"choices": [1], "type": "integer"}, True, "is not a number"),
        ({"choices": [1], "type": "integer", "accepts": ["auto"]}, "auto", None),
        ({"choices": [0.5], "type": "number"}, 0.25, None),
        ({"choices": [True, False], "type": "switch"}, "on", "is neither true nor false"),
        ({"choices": ["a", "b"]}, "c", None),
        ({"choices": ["a", "b"], "accepts": ["c"]}, "d", "is not one of a, b, c"),
        ({"choices": ["a", "b"], "accepts": ["c"]}, "a,c", None),
        ({"choices": ["a", "b"], "accepts": ["c"]}, "a,d", "is not one of a, b, c"),
        ({"choices": ["a"], "choices-for": {"experts": ["e"]}, "accepts": []}, "e", None),
        ({"choices": ["a"], "accepts": []}, "@unset", None),
    ],
)
def test_what_is_taken(table: dict[str, Any], value: Scalar, reason: str | None) -> None:
    assert refusal_of(entry(**table), value) == reason


def test_types() -> None:
    whole = entry(choices=[1], type="integer")
    assert is_of_type(whole, 2.0)
    assert not is_of_type(whole, 2.5)
    assert is_of_type(whole, "@physical-cores")
    assert not is_of_type(entry(choices=["a"], type="word"), True)
    assert is_of_type(entry(choices=["a"]), True)


def test_in_words() -> None:
    assert words_of(["a", True, 1, "a", "@unset"]) == "a, true, 1"
    assert shown(False) == "false"
