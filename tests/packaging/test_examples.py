"""Every example file in the documents is one that the product accepts."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from autotune.config import Locations, Settings, read_layers

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
