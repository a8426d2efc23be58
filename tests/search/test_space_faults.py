"""What a checked space can come to, and how a fault reads."""

from __future__ import annotations

from autotune.search.space_entries import Overlay, SpaceFile
from autotune.search.space_faults import Checked, Fault, condition_faults, met_by, numbers_in

SPACE = Checked(
    SpaceFile.model_validate(
        {
            "schema_version": "search-space/1",
            "engine": "e",
            "parameters": {
                "n": {"choices": [1, 2], "default": 1, "type": "integer", "concept": "x"},
                "w": {"choices": ["a"], "default": "a", "accepts": ["b"], "concept": "x"},
            },
        }
    ),
    "e.toml",
    {"cpu": Overlay(choices={"w": ["a", "c"]})},
)


def test_a_fault_is_one_line() -> None:
    assert Fault("e.toml", "n", "it is").line == "e.toml: n: it is"
    assert Fault("e.toml", "", "it is").line == "e.toml: it is"


def test_what_a_parameter_may_be() -> None:
    assert SPACE.choosable("w") == ["a", "a", "a", "c"]
    assert [SPACE.may_be("w", v) for v in ("a", "b", "c", "d", "@unset")] == [
        True, True, True, False, True
    ]  # fmt: skip
    assert SPACE.may_be("n", 64)  # somebody may pin it
    assert not SPACE.may_be("n", 1.5)
    assert SPACE.entry("m") is None


def test_conditions_that_are_met() -> None:
    assert met_by({"n": [1, 2]}, {"n": 2})
    assert not met_by({"n": 1}, {"n": True})
    assert not met_by({"n": 1, "w": "a"}, {"n": 1})
    assert not met_by({"n": "@unset"}, {"n": "@unset"})


def test_numbers_of_values() -> None:
    assert numbers_in([1, "auto", 2.5, True, "@unset"]) == [1.0, 2.5]
    assert numbers_in([1, "@context-needed"]) is None


def test_conditions_say_where_they_stand() -> None:
    (fault,) = condition_faults(SPACE, "gpus/cpu.toml", "n", "requires", {"w": ["a", "z"]})
    assert fault.line == "gpus/cpu.toml: n: requires: w is never z"
