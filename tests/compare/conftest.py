"""How deep the turns of the made-up arms are."""

from __future__ import annotations

import pytest


@pytest.fixture
def depths() -> dict[tuple[str, int], int]:
    """By session and turn, for records of `quick_arms`."""
    return {(f"s{turn % 3}", turn): 1000 * (turn + 1) for turn in range(60)}
