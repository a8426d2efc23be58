"""The manifest in the documents is one, and so is the shipped one; every field is described."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from pydantic import BaseModel

from autotune.launchers import manifest
from autotune.launchers.failure import FailureKind
from autotune.launchers.manifest import Manifest, read_manifest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "in-house-engine.md").read_text(encoding="utf-8")


def test_the_example_is_a_manifest() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    assert Manifest.model_validate(tomllib.loads(example)).name == "vllm"


def test_the_shipped_manifest_is_one() -> None:
    found = read_manifest(ROOT / "launchers" / "manifests" / "reference.toml")
    assert found.name == "reference"


def test_every_field_is_in_the_page() -> None:
    parts = [
        part
        for part in vars(manifest).values()
        if isinstance(part, type) and issubclass(part, BaseModel) and part is not BaseModel
    ]
    fields = {field for part in parts for field in part.model_fields}
    assert fields
    assert {field for field in fields if not re.search(rf"\b{field}\b", PAGE)} == set()


def test_every_failure_of_a_start_is_in_the_page_on_engines() -> None:
    page = (ROOT / "docs" / "engines.md").read_text(encoding="utf-8")
    in_replay = {"context-overflow", "hang", "bad-reply", "wrong-length", "cache-arm"}
    in_replay |= {"unreached", "interrupted"}
    starts = {kind.value for kind in FailureKind} - in_replay
    assert {kind for kind in starts if f"`{kind}`" not in page} == set()
