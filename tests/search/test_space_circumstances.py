"""Circumstances and symbols, of models by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from autotune.models.info import ModelInfo
from autotune.models.metadata import read_model
from autotune.search.space_circumstances import SYMBOLS, WHY, circumstances, model_symbols
from autotune.search.space_entries import ParameterEntry, SpaceFile

FILE = SpaceFile.model_validate(
    {"schema_version": "search-space/1", "engine": "e", "draft-model": "drafts", "parameters": {}}
)


@pytest.fixture
def model(fake_model: Path) -> ModelInfo:
    return read_model(fake_model)


def test_a_plain_model_that_fits(model: ModelInfo) -> None:
    assert circumstances(model, FILE, {}, None) == set()
    assert circumstances(model, FILE, {}, 2**40) == set()


def test_each_by_itself(model: ModelInfo) -> None:
    weights = model.weights_bytes
    assert weights is not None
    assert circumstances(replace(model, n_expert=8), FILE, {}, None) == {"experts"}
    assert circumstances(replace(model, n_draft_layers=1), FILE, {}, None) == {"draft-layers"}
    assert circumstances(model, FILE, {"drafts": "d.gguf"}, None) == {"draft-model"}
    assert circumstances(model, FILE, {}, weights - 1) == {"too-large"}
    assert circumstances(model, FILE, {}, weights) == set()
    assert circumstances(replace(model, weights_bytes=None), FILE, {}, 1) == set()


def test_parts_of_the_layers(model: ModelInfo) -> None:
    found = model_symbols(replace(model, n_layers=49))
    assert found == {"layers": 49, "most-layers": 36, "half-layers": 24, "quarter-layers": 12}
    assert set(model_symbols(replace(model, n_layers=1)).values()) == {1}
    assert set(found) <= SYMBOLS


def test_every_circumstance_of_the_language_has_a_reason() -> None:
    schema = ParameterEntry.model_json_schema(by_alias=True)
    (literal,) = [o for o in schema["properties"]["only-for"]["anyOf"] if "enum" in o]
    assert set(literal["enum"]) == set(WHY)
