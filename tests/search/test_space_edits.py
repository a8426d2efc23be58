"""A space with a person's edits: their word is the last, and what they say not stays."""

from __future__ import annotations

from typing import Any

import pytest

from autotune.errors import UserError
from autotune.search.space import to_settings
from autotune.search.space_build import build_space
from autotune.search.space_edits import OWN_CONCEPT, edited
from autotune.search.space_entries import Overlay, SpaceFile

FILE = SpaceFile.model_validate(
    {
        "schema_version": "search-space/1",
        "engine": "e",
        "parameters": {
            "n": {
                "choices": [1, 2], "default": 1, "ordered": True, "concept": "x", "about": "many"
            },
            "layers": {"choices": [0, 8], "default": 0, "concept": "x", "only-for": "experts"},
            "prio": {"choices": [0, 1], "default": 0, "concept": "x", "searched": False},
        },
    }
)  # fmt: skip
OVERLAY = Overlay(choices={"n": [1, 4]}, defaults={"n": 4}, drop=["layers"], fix={"prio": 1})


def space_with(edits: dict[str, Any], overlay: Overlay | None = None) -> Any:
    file, laid = edited(FILE, overlay, edits)
    return build_space(
        file, laid, {}, pins={}, allow_quality_change=False, rolling_state=False
    )  # fmt: skip


def test_nothing_said_nothing_changed() -> None:
    assert edited(FILE, OVERLAY, {}) == (FILE, OVERLAY)


def test_choices_replace_and_the_baseline_stays() -> None:
    parameter = space_with({"n": {"choices": [8, 16]}}).parameter("n")
    assert (parameter.choices, parameter.default, parameter.about) == ((1, 8, 16), 1, "many")


def test_added_choices_come_to_those_of_this_card() -> None:
    assert space_with({"n": {"add": [8]}}, OVERLAY).parameter("n").choices == (1, 4, 8)
    assert space_with({"n": {"add": [8]}}).parameter("n").choices == (1, 2, 8)
    assert space_with({"n": {"add": [8]}}, OVERLAY).defaults["n"] == 4


def test_what_is_named_is_searched_here_and_for_this_model() -> None:
    space = space_with({"layers": {"choices": [0, 4]}, "prio": {"add": [2]}}, OVERLAY)
    assert space.parameter("layers").choices == (0, 4)
    assert space.parameter("prio").choices == (0, 1, 2)


def test_a_new_parameter_is_left_out_of_the_baseline() -> None:
    space = space_with({"new": {"choices": [1, 2], "ordered": True}})
    new = space.parameter("new")
    assert (new.choices, new.default, new.ordered) == ((1, 2, "@unset"), "@unset", False)
    assert new.concept == OWN_CONCEPT
    assert "new" not in to_settings(space, space.defaults)
    assert to_settings(space, {**space.defaults, "new": 2})["new"] == 2


def test_a_range_and_a_condition() -> None:
    edit = {"range": {"from": 1, "to": 8, "times": 2}, "requires": {"n": 2}, "default": 1}
    new = space_with({"new": edit}).parameter("new")
    assert (new.choices, new.requires) == ((1, 2, 4, 8), {"n": (2,)})
    ranged = {"range": {"from": 1, "to": 3, "step": 1}}
    assert space_with({"n": ranged}, OVERLAY).parameter("n").choices == (1, 2, 3, 4)


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        ({"about": "no choices"}, "space.parameters.new: .*give choices"),
        ({"choices": [1], "colour": "red"}, "space.parameters.new.colour"),
        ({"choices": [[1]]}, "space.parameters.new.choices"),
        ({"range": {"from": 2, "to": 1, "step": 1}}, "space.parameters.new"),
    ],
)
def test_a_table_that_makes_no_parameter(edit: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError, match=words):
        edited(FILE, None, {"new": edit})
