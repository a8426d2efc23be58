"""Faults of single parameters, each named with its reason."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.search.space_check_entries import entry_faults
from autotune.search.space_entries import ParameterEntry, SpaceFile
from autotune.search.space_faults import Checked


def reasons(**table: Any) -> list[str]:
    entry = ParameterEntry.model_validate({"concept": "x", **table})
    file = SpaceFile(schema_version="search-space/1", engine="e", parameters={"a": entry})
    return [fault.reason for fault in entry_faults(Checked(file, "e.toml"))]


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({"choices": [1, 2], "default": 3}, "its default, 3, is not among its choices"),
        ({"choices": [1, 2, 1], "default": 1}, "the choice 1 stands there twice"),
        (
            {"choices": ["a", "b"], "default": "a", "ordered": True},
            "it is ordered, and a has no place among numbers",
        ),
        ({"choices": [1, "b"], "default": 1, "type": "integer"}, "b is not of its type, integer"),
        ({"choices": [1, 1.5], "default": 1, "type": "integer"}, "1.5 is not of its type, integer"),
        ({"choices": [True, 1], "default": 1, "type": "number"}, "true is not of its type, number"),
        (
            {"choices": [True, 2], "default": 2},
            "switches and other values stand beside each other in its choices",
        ),
        ({"choices": [1, 9], "default": 1, "most": 8}, "9 is not between least and most"),
        ({"choices": [1], "default": 1, "least": 5, "most": 4}, "least, 5, is above most, 4"),
    ],
)
def test_one_fault_one_reason(table: dict[str, Any], reason: str) -> None:
    assert reason in reasons(**table)


def test_symbols_are_numbers_yet_unknown_ones_are_named() -> None:
    assert reasons(choices=[1, "@physical-cores"], default=1, ordered=True, type="integer") == []
    (reason,) = reasons(choices=["@no-cores", 1], default=1)
    assert reason.startswith("@no-cores is no symbol; there are @unset, @context-default")


def test_what_goes_by_the_machine_or_is_left_out_needs_no_place_in_the_choices() -> None:
    assert reasons(choices=[1, 2], default="@context-default") == []
    assert reasons(choices=[1, 2], default="@unset") == []
    assert reasons(choices=["all", 3], accepts=["all"], default="all", type="integer") == []
