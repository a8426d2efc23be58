"""A study with a trial of every kind, and a dashboard of it."""

from __future__ import annotations

import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from dashboard_study import make_study

from autotune.dashboard.found import Sources
from autotune.dashboard.server import dashboard_app, serving
from autotune.study.folder import StudyFolder


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made once; tests take copies of it."""
    return make_study(tmp_path_factory.mktemp("made") / "tiny").path


@pytest.fixture
def study(made: Path, tmp_path: Path) -> StudyFolder:
    """``studies/tiny``, unfinished."""
    return StudyFolder(shutil.copytree(made, tmp_path / "studies" / "tiny"))


@pytest.fixture
def client(study: StudyFolder) -> Iterator[httpx.Client]:
    """Asks a dashboard of ``studies``."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        app = dashboard_app(Sources(study.path.parent))
        with serving(listener, app), httpx.Client(base_url=address, timeout=60) as asking:
            yield asking
