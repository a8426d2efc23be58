"""Searches of made-up engines that answer from a formula, under one budget."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from arena import Arena


@pytest.fixture
def arena(tmp_path: Path) -> Iterator[Arena]:
    """In an empty folder; its studies are closed at the end."""
    with ExitStack() as stack:
        yield Arena(tmp_path, stack)
