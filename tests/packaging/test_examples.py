"""The guides say what the product does: examples are accepted, and every key is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autotune.config import Locations, Settings, read_layers
from autotune.hardware.profile_file import parse_profile
from autotune.search.space_file import (
    ForbidEntry,
    Overlay,
    ParameterEntry,
    SpaceFile,
    StartEntry,
    read_space_file,
)
from autotune.workload.capture_schema import CaptureLine, FidelityPart, RecordedPart
from autotune.workload.damage import DamageKind
from autotune.workload.load import CaptureStream

ROOT = Path(__file__).resolve().parents[2]
TOML = re.compile(r"^```toml\n(# autotune\.toml\n.*?)^```", re.MULTILINE | re.DOTALL)
PAGES = sorted(
    p for p in (ROOT / "README.md", *ROOT.glob("docs/**/*.md")) if TOML.search(p.read_text())
)


def accepted(folder: Path, text: str) -> Settings:
    (folder / "autotune.toml").write_text(text)
    places = Locations.of({"HOME": str(folder)}, folder)
    return Settings.model_validate(read_layers(places).merged())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_example_settings_are_accepted(page: Path, tmp_path: Path) -> None:
    for example in TOML.findall(page.read_text()):
        accepted(tmp_path, example)


def test_the_guide_says_what_happens(tmp_path: Path) -> None:
    (example,) = TOML.findall((ROOT / "docs" / "configuration.md").read_text())
    settings = accepted(tmp_path, example)
    assert settings.budget == 7200
    assert settings.workload == tmp_path / "captures"
    assert settings.set_ == {"threads": 8, "flash-attn": "on"}


CAPTURE_GUIDE = (ROOT / "docs" / "captures.md").read_text()


def test_pages_that_the_code_names_are_there() -> None:
    sources = [p for d in ("autotune", "launchers", "search_spaces") for p in (ROOT / d).rglob("*")]
    named = {
        page
        for path in sources
        if path.suffix in {".py", ".toml"}
        for page in re.findall(r"docs/[\w/-]+\.md", path.read_text())
    }
    assert {page for page in named if not (ROOT / page).is_file()} == set()


def test_every_page_is_in_the_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text()
    pages = (p.relative_to(ROOT / "docs").as_posix() for p in ROOT.glob("docs/**/*.md"))
    assert [page for page in pages if f"]({page})" not in index and page != "README.md"] == []


@pytest.mark.parametrize("kind", list(DamageKind))
def test_every_kind_of_damage_is_explained(kind: DamageKind) -> None:
    assert f"`{kind}`" in CAPTURE_GUIDE


def test_every_key_of_a_capture_is_explained() -> None:
    parts = (CaptureLine, RecordedPart, FidelityPart)
    keys = {info.alias or name for part in parts for name, info in part.model_fields.items()}
    assert {key for key in keys if f"`{key}`" not in CAPTURE_GUIDE} == set()


def test_the_example_capture_is_read_without_damage(tmp_path: Path) -> None:
    (example,) = re.findall(r"^```json\n(.*?)^```", CAPTURE_GUIDE, re.MULTILINE | re.DOTALL)
    path = tmp_path / "example.jsonl"
    path.write_text(example.replace("\n ", " "))
    stream = CaptureStream(path)
    (loaded,) = stream
    assert [len(turn.messages) for turn in loaded.session.turns] == [2, 4]
    assert stream.ledger.entries() == ()


def test_every_key_of_a_search_space_is_explained() -> None:
    guide = (ROOT / "docs" / "search-spaces.md").read_text()
    parts = (SpaceFile, ParameterEntry, ForbidEntry, StartEntry, Overlay)
    keys = {info.alias or name for part in parts for name, info in part.model_fields.items()}
    assert {key for key in keys if key not in guide} == set()


def test_the_example_search_spaces_are_accepted(tmp_path: Path) -> None:
    guide = (ROOT / "docs" / "search-spaces.md").read_text()
    blocks = re.findall(r"^```toml\n(.*?)^```", guide, re.MULTILINE | re.DOTALL)
    profiles = [block for block in blocks if "gpu-profile/1" in block]
    path = tmp_path / "space.toml"
    path.write_text("\n".join(block for block in blocks if block not in profiles))
    space = read_space_file(path)
    assert set(space.parameters) == {"batch-size", "draft-length"}
    assert len(space.forbid) == len(space.start) == len(profiles) == 1
    profile = parse_profile(profiles[0], "docs/search-spaces.md")
    Overlay.model_validate(profile.engines["my-engine"])
