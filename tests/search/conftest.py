"""A bench on which a search runs again and again."""

from __future__ import annotations

from pathlib import Path

import pytest
from formula import Bench


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """In an empty folder."""
    return Bench(tmp_path / "study")
