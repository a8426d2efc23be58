"""The same configs as for the formats."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.export.formats import render
from autotune.export.model import ExportConfig
from autotune.export.options import ExportOptions

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """``write(config, "compose", change=("a", "b"))``: the file, a text in it replaced."""

    def make(config: ExportConfig, name: str, change: tuple[str, str] | None = None) -> Path:
        text = render(config, name, ExportOptions(name="fast", image="mine:1"))
        if change is not None:
            assert change[0] in text
            text = text.replace(*change)
        path = tmp_path / (f"{name}.service" if name == "systemd" else f"{name}.txt")
        path.write_text(text)
        return path

    return make
