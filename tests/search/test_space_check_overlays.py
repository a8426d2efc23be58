"""Faults of overlays: unknown parameters, values that are none, dead ends."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.search.space_check_overlays import overlay_faults
from autotune.search.space_entries import Overlay, SpaceFile
from autotune.search.space_faults import Checked

DATA: dict[str, Any] = {
    "schema_version": "search-space/1",
    "engine": "e",
    "parameters": {
        "n": {"choices": [1, 2], "default": 1, "type": "integer", "most": 8, "concept": "x"},
        "w": {"choices": ["on", "off"], "default": "on", "accepts": [], "concept": "x"},
        "a": {"choices": [4, 8], "default": 4, "concept": "x", "requires": {"n": 2}},
    },
    "forbid": [{"when": {"n": 2, "w": "off"}, "why": "they do not go together"}],
}


def lines(particular: dict[str, Any], general: dict[str, Any] | None = None) -> list[str]:
    """Faults of the profile `card`, which inherits from `general`."""
    own = {"card": Overlay.model_validate(particular)}
    whole = dict(own)
    if general is not None:
        own["general"] = whole["general"] = Overlay.model_validate(general)
        whole["card"] = own["card"].over(own["general"])
    space = Checked(SpaceFile.model_validate(DATA), "e.toml", whole)
    chains = {"card": ("card", "general"), "general": ("general",)}
    return [fault.line for fault in overlay_faults(space, own, chains)]


@pytest.mark.parametrize(
    ("overlay", "fault"),
    [
        ({"drop": ["m"]}, "m: drop: the space has no such parameter"),
        (
            {"choices": {"m": [1]}, "why": {"m": "so"}},
            "m: choices and why: the space has no such parameter",
        ),
        ({"fix": {"n": 2}, "choices": {"n": [1]}}, "n: it stands under fix and under choices"),
        ({"why": {"n": "so"}}, "n: why gives a reason, and nothing is said of it"),
        ({"choices": {"w": []}}, "w: it has no choices left: drop it instead"),
        ({"choices": {"n": [1, 2, 2]}}, "n: the choice 2 stands there twice"),
        ({"fix": {"n": 9}}, "n: 9 is more than 8"),
        ({"choices": {"w": ["on", "auto"]}}, "w: auto is not one of on, off"),
        ({"defaults": {"w": "auto"}}, "w: auto is not one of on, off"),
        ({"choices": {"n": [2, 4]}}, "n: the default here, 1, is not among its choices"),
        ({"fix": {"n": 2, "w": "off"}}, "n with w: what is forbidden is the default here"),
        ({"fix": {"n": 1}}, "a: unreachable here, for what is said of n: drop it"),
        ({"drop": ["n"]}, "a: unreachable here, for what is said of n: drop it"),
        (
            {"start": [{"name": "s", "why": "", "set": {"m": 1}}]},
            "start 's': it sets m, which is no parameter",
        ),
    ],
)
def test_one_fault_one_reason(overlay: dict[str, Any], fault: str) -> None:
    assert f"gpus/card.toml: {fault}" in lines(overlay)


def test_overlays_that_fit() -> None:
    assert lines({"drop": ["n", "a"], "why": {"n": "none here"}}) == []
    assert lines({"choices": {"n": [1, 2, 4]}, "defaults": {"n": 4}}) == []


def test_what_is_inherited_counts() -> None:
    start = {"name": "s", "why": "", "set": {"n": 2}}
    same = {"name": "t", "why": "", "set": {"n": 2}}
    assert lines({"start": [same]}, {"start": [start]}) == [
        "gpus/card.toml: start 't': it sets the same as the start 's'"
    ]
    assert sorted(lines({"defaults": {"n": 2}}, {"choices": {"n": [1, 4]}})) == [
        "gpus/card.toml: n: the default here, 2, is not among its choices",
        "gpus/general.toml: a: unreachable here, for what is said of n: drop it",
    ]
