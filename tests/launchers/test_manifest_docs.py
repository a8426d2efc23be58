"""The manifest in the documents is one, and so is the shipped one; every field is described."""

from __future__ import annotations

import json
import os
import re
import sys
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from autotune.candidate import Candidate
from autotune.launchers import manifest
from autotune.launchers.contract import CHECKS, Bench, name_of, run_checks
from autotune.launchers.failure import FailureKind
from autotune.launchers.manifest import Manifest, manifest_schema, read_manifest
from autotune.launchers.registry import make_launcher

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "in-house-engine.md").read_text(encoding="utf-8")
TABLE = PAGE.partition("| check |")[2].partition("\n## ")[0]
FAKE_ENGINE = ROOT / "tests" / "fakes" / "fake_engine.py"


MANIFEST, SPACE = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Both files as the page has them, and a program ``my-engine`` on PATH: the fake engine."""
    programs = tmp_path / "bin"
    programs.mkdir()
    program = programs / "my-engine"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" "{FAKE_ENGINE}" "$@"\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    (tmp_path / "my-engine-space.toml").write_text(SPACE, encoding="utf-8")
    path = tmp_path / "my-engine.toml"
    path.write_text(MANIFEST, encoding="utf-8")
    return path


def test_the_example_runs_as_it_stands(example: Path, fake_model: Path, tmp_path: Path) -> None:
    candidate = Candidate({"batch-size": 256, "ctx-size": 8192})
    bench = Bench(make_launcher(str(example)), fake_model, tmp_path / "bench", candidate)
    outcomes = list(run_checks(bench))
    assert {o.name: o.problem for o in outcomes if o.problem is not None} == {}
    assert len(outcomes) == len(CHECKS)


def test_the_examples_space_is_one_of_the_examples_flags(example: Path) -> None:
    launcher = make_launcher(str(example))
    assert launcher.search_space == str(example.with_name("my-engine-space.toml"))
    names = tomllib.loads(SPACE)["parameters"]
    assert set(names) <= launcher.detect().flags


def test_the_example_uses_every_table() -> None:
    """So that a reader sees each of them once; what is left out is a default."""
    used = set(tomllib.loads(MANIFEST))
    assert set(Manifest.model_fields) - used == {"log_family"}


def test_every_check_is_in_the_page() -> None:
    assert [name_of(c) for c in CHECKS] == re.findall(
        r"^\| `([a-z-]+)` \| .*\| .*\|$", TABLE, re.MULTILINE
    )


def test_the_schema_is_the_models() -> None:
    """``autotune engine schema > docs/engine-manifest.schema.json`` writes it."""
    stored = (ROOT / "docs" / "engine-manifest.schema.json").read_text(encoding="utf-8")
    assert stored == manifest_schema()


def test_the_schema_explains_every_field() -> None:
    schema = json.loads(manifest_schema())
    parts = [schema, *(p for p in schema["$defs"].values() if "properties" in p)]
    assert [p["title"] for p in parts if not p.get("description")] == []
    described = {(p["title"], n) for p in parts for n, f in p["properties"].items()
                 if f.get("description") or "$ref" in f}  # fmt: skip
    assert {(p["title"], n) for p in parts for n in p["properties"]} - described == set()


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
