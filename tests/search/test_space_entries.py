"""The tables of the language: ranges, and what a parameter has to say."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from autotune.search.space_entries import ParameterEntry, RangeEntry, SpaceFile


def values(**table: Any) -> list[Any]:
    return RangeEntry.model_validate(table).values()


def test_ranges_by_step_and_by_factor() -> None:
    assert values(**{"from": 0, "to": 100, "step": 25}) == [0, 25, 50, 75, 100]
    assert values(**{"from": 256, "to": 5000, "times": 2}) == [256, 512, 1024, 2048, 4096]
    assert values(**{"from": 0.7, "to": 0.9, "step": 0.1}) == [0.7, 0.8, 0.9]
    assert values(**{"from": -1, "to": 1, "step": 1}) == [-1, 0, 1]
    assert all(isinstance(value, int) for value in values(**{"from": 1, "to": 8, "times": 2}))


@pytest.mark.parametrize(
    "table",
    [
        {"from": 1, "to": 2},
        {"from": 1, "to": 2, "step": 1, "times": 2},
        {"from": 2, "to": 1, "step": 1},
        {"from": 0, "to": 8, "times": 2},
        {"from": 0, "to": 1000, "step": 1},
        {"from": 0, "to": 1, "step": 0},
    ],
)
def test_ranges_that_are_none(table: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        RangeEntry.model_validate(table)


def test_a_range_is_written_out_and_choices_come_first() -> None:
    table = {"range": {"from": 1, "to": 3, "step": 1}, "default": 1, "concept": "x"}
    assert ParameterEntry.model_validate(table).choices == [1, 2, 3]
    assert ParameterEntry.model_validate({**table, "choices": [7]}).choices == [7]


def test_a_parameter_needs_something_to_choose_from() -> None:
    with pytest.raises(ValidationError, match="give choices, or a range"):
        ParameterEntry.model_validate({"default": 1, "concept": "x"})


def test_choices_of_every_circumstance() -> None:
    entry = ParameterEntry.model_validate(
        {"choices": ["a"], "choices-for": {"experts": ["b"]}, "default": "a", "concept": "x"}
    )
    assert entry.every_choice == ["a", "b"]
    with pytest.raises(ValidationError):
        ParameterEntry.model_validate(
            {"choices": ["a"], "choices-for": {"rain": ["b"]}, "default": "a", "concept": "x"}
        )


def test_a_space_has_overlays_of_its_own() -> None:
    file = SpaceFile.model_validate(
        {
            "schema_version": "search-space/1",
            "engine": "mine",
            "draft-model": "drafts",
            "parameters": {"n": {"choices": [1], "default": 1, "concept": "x"}},
            "gpus": {"gpu-24g": {"drop": ["n"]}},
        }
    )
    assert (file.draft_model, file.gpus["gpu-24g"].drop) == ("drafts", ["n"])
