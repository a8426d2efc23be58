"""Faults between parameters: each kind is planted once, and named with parameter and reason."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.search.space_check_relations import forbid_faults, relation_faults
from autotune.search.space_entries import SpaceFile
from autotune.search.space_faults import Checked

NUMBERS = {"choices": [1, 2], "default": 1, "type": "integer", "most": 8, "concept": "x"}
WORDS = {"choices": ["on", "off"], "default": "on", "accepts": ["auto"], "concept": "x"}


def checked(forbid: list[dict[str, Any]] | None = None, **tables: dict[str, Any]) -> Checked:
    parameters = {"n": NUMBERS, "w": WORDS, **{k.replace("_", "-"): v for k, v in tables.items()}}
    data = {"schema_version": "search-space/1", "engine": "e", "parameters": parameters}
    return Checked(SpaceFile.model_validate({**data, "forbid": forbid or []}), "e.toml")


def lines(**tables: dict[str, Any]) -> list[str]:
    return [f"{f.parameter}: {f.reason}" for f in relation_faults(checked(**tables))]


def child(**keys: Any) -> dict[str, Any]:
    return {"choices": [4, 8], "default": 4, "concept": "x", **keys}


@pytest.mark.parametrize(
    ("keys", "reason"),
    [
        ({"requires": {"nowhere": 1}}, "requires names nowhere, which is no parameter"),
        ({"requires": {"w": "perhaps"}}, "requires: w is never perhaps"),
        ({"requires": {"n": 9}}, "requires: n is never 9"),
        ({"requires": {"w": True}}, "requires: w is never true"),
        ({"requires": {"a": 4}}, "requires names the parameter itself"),
        ({"at-most": "nowhere"}, "at-most names nowhere, which is no parameter"),
        ({"at-most": "n"}, "no choice is at most n: that ends at 2"),
        ({"at-most": "w"}, "at-most w: w has no numbers"),
        ({"choices": [-1, 0], "default": 0, "at-least": "n"}, "no choice is at least n: "),
        ({"at-least-when": {"n": 1}}, "at-least-when says when, and there is no at-least"),
        ({"shared-when": {"n": 1}}, "shared-when says when, and there is no per-slot-of"),
        ({"per-slot-of": "w"}, "per-slot-of w: w has no numbers"),
        ({"requires": {"w": "auto"}}, "unreachable: it takes w = auto, which is never chosen"),
    ],
)
def test_one_fault_one_reason(keys: dict[str, Any], reason: str) -> None:
    assert any(line.startswith(f"a: {reason}") for line in lines(a=child(**keys)))


def test_relations_that_hold_somewhere_are_none() -> None:
    good = child(requires={"n": [2, 8]}, choices=[1, 4], default=1, **{"at-most": "n"})
    assert lines(a=good) == []
    assert lines(a=child(**{"at-most": "c"}), c=child(choices=["@context-needed"])) == []


def test_a_circle_and_two_things_at_once() -> None:
    found = lines(a=child(requires={"b": 4}), b=child(requires={"a": 4}))
    assert "a: it requires itself, by way of what it requires" in found
    found = lines(a=child(requires={"b": 4, "n": 1}), b=child(requires={"n": 2}))
    assert found == ["a: unreachable: it takes n = two things at once, which is never chosen"]


def test_what_hangs_on_a_parameter_that_nobody_searches() -> None:
    aside = child(searched=False)
    (found,) = lines(a=child(requires={"b": 8}), b=aside)
    assert found == "a: unreachable: it takes b = 8, which is not searched itself"
    assert lines(a=child(requires={"b": 8}, searched=False), b=aside) == []


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        ({"n": 2, "nowhere": 1}, "forbid names nowhere, which is no parameter"),
        ({"n": 2, "w": "perhaps"}, "forbid: w is never perhaps"),
        ({"n": 1, "w": "on"}, "it forbids the defaults: the engine would never start as it comes"),
        ({"n": 2}, "2 can be chosen and is always forbidden: take it out of the choices"),
        ({}, "it names nothing, and so forbids everything"),
    ],
)
def test_what_is_forbidden(when: dict[str, Any], reason: str) -> None:
    space = checked(forbid=[{"when": when, "why": "it is"}])
    assert reason in [fault.reason for fault in forbid_faults(space)]


def test_a_combination_is_forbidden_once() -> None:
    clause = {"when": {"n": 2, "w": "on"}, "why": "it is"}
    assert list(forbid_faults(checked(forbid=[clause]))) == []
    (found,) = forbid_faults(checked(forbid=[clause, clause]))
    assert found.line == "e.toml: n with w: this combination is forbidden twice"
