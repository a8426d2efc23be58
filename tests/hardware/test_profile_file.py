from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.hardware.profile_file import FactsEntry, ProfileFile, parse_profile, shipped_files

CARD = """
schema_version = "gpu-profile/1"
title = "A card"
inherits = "gpu"
names = ["NVIDIA A card"]

[facts]
memory_gib = 24
fp8 = false

[engines.my-engine]
drop = ["threads"]
"""


def test_a_profile_is_facts_and_what_they_narrow() -> None:
    file = parse_profile(CARD, "card.toml")
    assert file.inherits == "gpu"
    assert file.facts is not None
    assert (file.facts.memory_gib, file.facts.fp8, file.facts.fp16_tflops) == (24, False, None)
    assert file.engines == {"my-engine": {"drop": ["threads"]}}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (CARD.replace("memory_gib", "memory_gb"), r"card\.toml: facts\.memory_gib: Field required"),
        (CARD.replace("= 24", "= 0"), r"facts\.memory_gib: Input should be greater than 0"),
        (CARD.replace("/1", "/9"), r"schema_version: Input should be 'gpu-profile/1'"),
        (CARD.replace("title", "tilte"), r"title: Field required"),
        ("title = ", r"card\.toml is not TOML"),
    ],
)
def test_what_is_wrong_is_named(text: str, problem: str) -> None:
    with pytest.raises(UserError, match=problem) as error:
        parse_profile(text, "card.toml")
    assert error.value.hint


def test_every_shipped_profile_inherits_from_one_that_is_there() -> None:
    files = shipped_files()
    assert {"cpu", "gpu", "gpu-unified", "gpu-24g", "rtx-3090"} <= set(files)
    for name, file in files.items():
        assert file.inherits is None or file.inherits in files, name


def test_a_card_has_names_and_facts_and_a_class_has_neither() -> None:
    for name, file in shipped_files().items():
        assert bool(file.names) == (file.facts is not None), name
        assert file.facts is None or file.memory_from_gib is None, name


def test_every_key_is_explained() -> None:
    guide = (Path(__file__).parents[2] / "docs" / "hardware.md").read_text(encoding="utf-8")
    keys = {*ProfileFile.model_fields, *FactsEntry.model_fields} - {"schema_version", "engines"}
    assert {key for key in keys if f"`{key}`" not in guide and key != "facts"} == set()
