"""What --set, --fix and [space.parameters] come to; what was a pin stays one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from autotune.candidate import Setting
from autotune.errors import UserError
from autotune.launchers.program import flags_in, usages_in
from autotune.launchers.protocol import EngineBuild
from autotune.launchers.spelling import spell
from autotune.search.space_entries import SpaceFile
from autotune.search.space_words import Asked, Said, Words

HELP = """\
--batch-size N                          logical batch
--flash-attn [on|off|auto]              fused attention
--cache-type-v TYPE                     type of the V cache
--prio N                                priority
--alias STRING                          names, whatever they are
--tensor-split N0,N1,N2,...             part of the model of each GPU
--device <dev1,dev2,..>                 where
--lora FNAME                            adapters (use comma-separated values to load several)
--spec-type none,ngram-a,draft-b        comma-separated list of what drafts
--sampler NAME                          allowed values: a, b, c
"""
FILE = SpaceFile.model_validate(
    {
        "schema_version": "search-space/1",
        "engine": "e",
        "parameters": {
            "batch-size": {
                "choices": [256, 512], "default": 512, "type": "integer", "least": 1, "concept": "x"
            },
            "flash-attn": {
                "choices": ["auto", "off"], "default": "auto", "accepts": ["on"], "concept": "x"
            },
            "cache-type-v": {
                "choices": ["f16", "q8_0"], "default": "f16", "quality": True, "concept": "x"
            },
            "spec-type": {"choices": ["none", "ngram-a"], "default": "none", "concept": "x"},
        },
    }
)  # fmt: skip


def words(help_text: str = HELP, *, quality: bool = False) -> Words:
    build = EngineBuild("e", "/e", "1", "", flags_in(help_text), usages_in(help_text))
    return Words(FILE, build, lambda name, _: spell(name, build, {}), quality=quality)


def said(
    sets: Mapping[str, Setting] | None = None,
    fixes: Mapping[str, Setting] | None = None,
    tables: Mapping[str, Mapping[str, Any]] | None = None,
    **more: Any,
) -> Said:
    return words(**more).read(Asked(sets or {}, fixes or {}, tables or {}))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("batch-size", 1024),
        ("flash-attn", "on"),
        ("tensor-split", "3,1"),
        ("device", "CUDA0,CUDA1"),
        ("lora", "a.gguf,b.gguf"),
        ("spec-type", "ngram-a,draft-b"),
        ("alias", "a,b"),
        ("alias", '{"a": 1, "b": 2}'),
    ],
)
def test_what_was_a_pin_stays_one(name: str, value: Setting) -> None:
    assert said({name: value}) == Said({name: value}, {})


def test_several_values_are_choices() -> None:
    assert said({"batch-size": "1024, 2048"}).edits == {"batch-size": {"choices": [1024, 2048]}}
    assert said({"prio": "0,2"}).edits == {"prio": {"choices": [0, 2]}}
    assert said({"sampler": "a,c"}).edits == {"sampler": {"choices": ["a", "c"]}}
    assert said({"flash-attn": "on,off"}).pins == {}


def test_a_plus_adds_to_those_that_are_there() -> None:
    assert said({"batch-size+": 1024}) == Said({}, {"batch-size": {"add": [1024]}})
    assert said({"batch-size+": "64,128"}).edits == {"batch-size": {"add": [64, 128]}}


def test_fix_pins_and_says_so_of_what_has_commas() -> None:
    assert said(fixes={"batch-size": 1024, "tensor-split": "3,1"}).pins == {
        "batch-size": 1024,
        "tensor-split": "3,1",
    }
    with pytest.raises(UserError, match="--set and --fix both speak of batch-size"):
        said({"batch-size+": 64}, {"batch-size": 512})


def test_a_table_is_laid_over_and_a_pin_wins_over_it() -> None:
    table = {"choices": [1024], "about": "mine"}
    assert said(tables={"batch-size": table}).edits == {"batch-size": table}
    assert said({"batch-size": 512}, tables={"batch-size": table}).edits == {}


@pytest.mark.parametrize(
    ("sets", "message", "hint"),
    [
        ({"batch-sise": 512}, "no flag --batch-sise", "did you mean batch-size?"),
        ({"batch-sise": "1,2"}, "no flag --batch-sise", "did you mean batch-size?"),
        ({"unheard-of": 1}, "no flag --unheard-of", "engine flags ENGINE --all"),
        ({"batch-size": "lots"}, "batch-size = lots is not a number", "engine flags"),
        ({"batch-size": 0}, "batch-size = 0 is less than 1", "engine flags"),
        ({"batch-size+": 1.5}, "batch-size = 1.5 is not a whole number", "engine flags"),
        ({"flash-attn": "maybe"}, "flash-attn = maybe is not one of auto, off, on", ""),
        ({"sampler": "d"}, "no sampler = d", "it takes a, b, c"),
        ({"cache-type-v": "f16,q8_0"}, "can change the model's replies", "--quality guard"),
    ],
)
def test_what_the_engine_has_not_is_refused(
    sets: Mapping[str, Setting], message: str, hint: str
) -> None:
    with pytest.raises(UserError, match=message) as caught:
        said(sets)
    assert hint in caught.value.hint


def test_with_leave_quality_may_be_searched_and_pinned_without() -> None:
    assert said({"cache-type-v": "f16,q8_0"}, quality=True).edits
    assert said({"cache-type-v": "q8_0"}).pins == {"cache-type-v": "q8_0"}


def test_tables_name_flags_that_are_there() -> None:
    with pytest.raises(UserError, match="no flag --batch-sise"):
        said(tables={"batch-sise": {"choices": [1]}})
    with pytest.raises(UserError, match="batch-size = 0"):
        said(tables={"batch-size": {"add": [0]}})


def test_an_engine_that_lists_nothing_is_believed() -> None:
    """Any flag may be there; only what the space knows can be several values."""
    found = said({"anything": "a,b", "batch-size": "256,1024"}, help_text="")
    assert found == Said({"anything": "a,b"}, {"batch-size": {"choices": [256, 1024]}})
