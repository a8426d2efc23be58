"""The schemas are those that the docs publish, and know every key of the shipped files."""

from __future__ import annotations

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from autotune.search.space_schema import profile_schema, space_schema

DOCS = Path(__file__).resolve().parents[2] / "docs"
DATA = resources.files("autotune.search_spaces") / "data"


@pytest.mark.parametrize(
    ("name", "schema"),
    [("search-space", space_schema()), ("gpu-profile", profile_schema())],
)
def test_the_published_schema_is_this_one(name: str, schema: str) -> None:
    assert (DOCS / f"{name}.schema.json").read_text(encoding="utf-8") == schema


def known(schema: dict[str, Any], name: str) -> set[str]:
    return set(schema["$defs"][name]["properties"])


def test_every_key_of_the_shipped_files_is_in_them() -> None:
    space, profile = json.loads(space_schema()), json.loads(profile_schema())
    for source in DATA.iterdir():
        if not source.name.endswith(".toml"):
            continue
        table = tomllib.loads(source.read_text(encoding="utf-8"))
        assert set(table) <= set(space["properties"])
        for entry in table["parameters"].values():
            assert set(entry) <= known(space, "ParameterEntry")
    for source in (DATA / "gpus").iterdir():
        table = tomllib.loads(source.read_text(encoding="utf-8"))
        assert set(table) <= set(profile["properties"])
        for overlay in table.get("engines", {}).values():
            assert set(overlay) <= known(profile, "Overlay")


def test_choices_or_a_range() -> None:
    entry = json.loads(space_schema())["$defs"]["ParameterEntry"]
    assert entry["anyOf"] == [{"required": ["choices"]}, {"required": ["range"]}]
    assert entry["additionalProperties"] is False
    assert entry["required"] == ["default", "concept"]
