"""Where real traces lie."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

SHARED = Path(__file__).resolve().parents[4] / "shared" / "captures"


@pytest.fixture
def real_captures() -> Callable[[str], Path]:
    """``real_captures("mooncake")``: that folder of real captures; skips where it is not."""

    def find(name: str) -> Path:
        if not (SHARED / name).is_dir():
            pytest.skip("the real captures are not here")
        return SHARED / name

    return find
