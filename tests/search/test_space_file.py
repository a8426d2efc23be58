"""The TOML language of spaces, and the shipped ones."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.hardware.profile_file import shipped_files
from autotune.hardware.profiles import chain
from autotune.search.space import Space
from autotune.search.space_file import (
    Overlay,
    build_space,
    read_space_file,
    shipped_overlay,
    shipped_space,
)

SHIPPED = {
    source.name.removesuffix(".toml")
    for source in (resources.files("autotune.search_spaces") / "data").iterdir()
    if source.is_file()
}
SYMBOLS = {
    "context-needed": 4096,
    "context-roomy": 8192,
    "context-default": 8192,
    "physical-cores": 4,
    "logical-cores": 8,
    "half-cores": 2,
}


def shipped(gpu_class: str, *, quality: bool = False, rolling: bool = False) -> Space:
    return build_space(
        shipped_space("llama-server"),
        shipped_overlay("llama-server", gpu_class),
        SYMBOLS,
        pins={},
        allow_quality_change=quality,
        rolling_state=rolling,
    )


def test_settings_that_can_change_the_output_stay_put_unless_allowed() -> None:
    space = shipped("cpu")
    assert space.fixed["cache-type-k"] == "f16"
    assert space.fixed["cache-reuse"] == 0
    open_space = shipped("cpu", quality=True)
    assert {"cache-type-k", "cache-type-v", "cache-reuse"} <= set(open_space.names)


def test_checkpoints_are_searched_only_for_models_that_roll_back_by_them() -> None:
    assert "ctx-checkpoints" not in shipped("cpu").names
    assert "ctx-checkpoints" in shipped("cpu", rolling=True).names


def test_a_processor_has_nothing_to_offload_and_a_card_has() -> None:
    assert "n-gpu-layers" not in shipped("cpu").fixed
    assert shipped("gpu").fixed["n-gpu-layers"] == "all"
    assert "repack" not in shipped("gpu").names


@pytest.mark.parametrize("gpu_class", ["cpu", "gpu"])
def test_every_concept_of_the_mission_can_be_searched(gpu_class: str) -> None:
    space = shipped(gpu_class, quality=True, rolling=True)
    concepts = {p.concept for p in space.parameters}
    assert {
        "batch size",
        "context length",
        "cache slots",
        "quantization",
        "flash attention",
        "speculation",
        "threads",
        "offload",
    } <= concepts


@pytest.mark.parametrize("gpu_class", ["cpu", "gpu"])
def test_defaults_are_choices_and_choices_in_order_are_sorted(gpu_class: str) -> None:
    for parameter in shipped(gpu_class, quality=True, rolling=True).parameters:
        assert parameter.default in parameter.choices
        assert len(set(parameter.choices)) == len(parameter.choices) > 1
        if parameter.ordered:
            assert list(parameter.choices) == sorted(parameter.choices)


def test_equal_symbols_give_one_choice() -> None:
    symbols = {**SYMBOLS, "physical-cores": 2, "logical-cores": 2, "half-cores": 1}
    space = build_space(
        shipped_space("llama-server"), None, symbols,
        pins={}, allow_quality_change=False, rolling_state=False,
    )  # fmt: skip
    assert space.parameter("threads").choices == (1, 2)


def test_a_pinned_flag_is_fixed_and_takes_its_starts_along() -> None:
    space = build_space(
        shipped_space("llama-server"), None, SYMBOLS,
        pins={"spec-type": "none", "mlock": True}, allow_quality_change=False, rolling_state=False,
    )  # fmt: skip
    assert space.fixed["spec-type"] == "none"
    assert space.fixed["mlock"] is True
    assert all("spec-type" not in start.settings for start in space.starts)


def test_an_engine_without_a_space_names_those_that_have_one() -> None:
    with pytest.raises(UserError, match="'nope'") as caught:
        shipped_space("nope")
    assert "llama-server" in caught.value.hint


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("schema_version = ", "not TOML"),
        ('schema_version = "search-space/1"\nengine = "e"\nparameter = 1\n', "parameter"),
        (
            'schema_version = "search-space/1"\nengine = "e"\n'
            "[parameters.a]\nchoices = []\ndefault = 1\nconcept = 'x'\n",
            "parameters.a.choices",
        ),
    ],
)
def test_a_wrong_file_is_refused_with_its_place(tmp_path: Path, text: str, words: str) -> None:
    path = tmp_path / "space.toml"
    path.write_text(text)
    with pytest.raises(UserError, match=words):
        read_space_file(path)


ENTRY = "[parameters.{name}]\nchoices = [1, 2]\ndefault = {default}\nconcept = 'x'\n{more}\n"


def written(tmp_path: Path, *entries: str) -> Path:
    path = tmp_path / "space.toml"
    head = 'schema_version = "search-space/1"\nengine = "e"\n'
    path.write_text(head + "".join(entries))
    return path


def test_an_unknown_symbol_lists_the_known_ones(tmp_path: Path) -> None:
    path = written(tmp_path, ENTRY.format(name="a", default="'@nowhere'", more=""))
    with pytest.raises(UserError, match="@nowhere") as caught:
        build_space(
            read_space_file(path), None, SYMBOLS,
            pins={}, allow_quality_change=False, rolling_state=False,
        )  # fmt: skip
    assert "@physical-cores" in caught.value.hint


def test_parents_come_before_their_children_and_circles_are_refused(tmp_path: Path) -> None:
    child = ENTRY.format(name="a", default=1, more="requires = { b = 2 }")
    parent = ENTRY.format(name="b", default=1, more="")
    space = build_space(
        read_space_file(written(tmp_path, child, parent)), None, {},
        pins={}, allow_quality_change=False, rolling_state=False,
    )  # fmt: skip
    assert space.names == ("b", "a")
    circle = ENTRY.format(name="b", default=1, more="requires = { a = 2 }")
    with pytest.raises(UserError, match="circle"):
        build_space(
            read_space_file(written(tmp_path, child, circle)), None, {},
            pins={}, allow_quality_change=False, rolling_state=False,
        )  # fmt: skip


GENERAL = Overlay(
    drop=["a", "b"], fix={"c": 1, "d": 1}, choices={"e": [1], "f": [1, 2]}, defaults={"e": 1}
)


def test_the_particular_profile_wins_parameter_by_parameter() -> None:
    mine = Overlay(drop=["d", "f"], fix={"a": 7, "e": 3}, choices={"c": [5, 6]}, defaults={"e": 2})
    both = mine.over(GENERAL)
    assert both.drop == ["d", "f", "b"]  # a is named by mine: it is back
    assert both.fix == {"a": 7, "e": 3}
    assert both.choices == {"c": [5, 6]}
    assert both.defaults == {"e": 2}


def test_an_empty_overlay_changes_nothing() -> None:
    assert Overlay().over(GENERAL) == GENERAL
    assert GENERAL.over(Overlay()) == GENERAL


def test_the_default_of_a_card_is_the_baseline_there(tmp_path: Path) -> None:
    path = written(tmp_path, ENTRY.format(name="a", default=1, more=""))
    overlay = Overlay(defaults={"a": 4})
    space = build_space(
        read_space_file(path), overlay, {}, pins={}, allow_quality_change=False, rolling_state=False
    )
    assert space.defaults == {"a": 4}
    assert space.parameter("a").choices == (1, 2, 4)


def test_a_profile_says_nothing_of_an_engine_it_does_not_know() -> None:
    assert shipped_overlay("nope", "cpu") is None


@pytest.mark.parametrize("profile", sorted(shipped_files()))
def test_every_shipped_overlay_fits_the_space_it_is_laid_over(profile: str) -> None:
    engines = {engine for name in chain(profile) for engine in shipped_files()[name].engines}
    for engine in engines & SHIPPED:
        space, overlay = shipped_space(engine), shipped_overlay(engine, profile)
        assert overlay is not None
        named = {*overlay.drop, *overlay.fix, *overlay.choices, *overlay.defaults}
        named.update(name for start in overlay.start for name in start.set)
        assert named <= set(space.parameters), (engine, profile)
