"""Faults of starts: what would be tried twice, not at all, or without effect."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.search.space_check_starts import start_faults
from autotune.search.space_entries import SpaceFile, StartEntry
from autotune.search.space_faults import Checked

DATA: dict[str, Any] = {
    "schema_version": "search-space/1",
    "engine": "e",
    "parameters": {
        "n": {"choices": [1, 2], "default": 1, "concept": "x"},
        "w": {"choices": ["on", "off"], "default": "on", "concept": "x"},
        "a": {"choices": [4, 8], "default": 4, "concept": "x", "requires": {"n": 2}},
    },
    "forbid": [{"when": {"n": 2, "w": "off"}, "why": "they do not go together"}],
}


def reasons(*sets: dict[str, Any], before: tuple[dict[str, Any], ...] = ()) -> list[str]:
    space = Checked(SpaceFile.model_validate(DATA), "e.toml")
    starts = [StartEntry(name=f"s{i}", why="", set=s) for i, s in enumerate(sets)]
    known = [StartEntry(name=f"b{i}", why="", set=s) for i, s in enumerate(before)]
    defaults = {"n": 1, "w": "on", "a": 4}
    found = start_faults(space, "e.toml", starts, defaults, known)
    return [f"{fault.parameter}: {fault.reason}" for fault in found]


def test_starts_that_are_worth_trying() -> None:
    assert reasons({"n": 2, "a": 8}, {"w": "off"}, {"n": 2}) == []


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"nowhere": 1}, "it sets nowhere, which is no parameter"),
        ({"n": 3}, "n = 3 is not among the choices"),
        ({"n": 1, "w": "on"}, "it sets what is the default already"),
        ({"a": 8}, "a is left out beside it: what it requires of n does not hold"),
        ({"n": 2, "w": "off"}, "the engine refuses it: they do not go together"),
    ],
)
def test_one_fault_one_reason(settings: dict[str, Any], reason: str) -> None:
    assert f"start 's0': {reason}" in reasons(settings)


def test_the_same_twice_here_and_in_what_is_tried_before() -> None:
    assert reasons({"n": 2}, {"n": 2}) == ["start 's1': it sets the same as the start 's0'"]
    assert reasons({"n": 2}, before=({"n": 2},)) == [
        "start 's0': it sets the same as the start 'b0'"
    ]


def test_a_name_is_given_once() -> None:
    space = Checked(SpaceFile.model_validate(DATA), "e.toml")
    twins = [StartEntry(name="s", why="", set=s) for s in ({"n": 2}, {"w": "off"})]
    (found,) = start_faults(space, "e.toml", twins, {"n": 1, "w": "on", "a": 4})
    assert found.reason == "another start has this name"
