"""A shared study in an SQLite file, as each of several workers opens it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from autotune.team.shared_study import open_shared
from autotune.team.storage_url import StorageUrl

if TYPE_CHECKING:
    from optuna import Study


@pytest.fixture
def shared_url(tmp_path: Path) -> StorageUrl:
    return StorageUrl(path=tmp_path / "shared.db")


@pytest.fixture
def opened(shared_url: StorageUrl) -> Iterator[Callable[[str], Study]]:
    """``opened("w1")`` is the study ``s`` as worker w1 has it; its own connections."""
    with ExitStack() as stack:
        yield lambda worker: stack.enter_context(
            open_shared(shared_url, "s", worker=worker, heartbeat_s=1)
        )
