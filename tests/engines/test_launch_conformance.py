"""The contract, kept by the real llama-server."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.launchers.llama_server import LlamaServerLauncher
from autotune.launchers.protocol import Launcher
from autotune.testing import LauncherConformance

pytestmark = pytest.mark.engines


class TestLlamaServer(LauncherConformance):
    @pytest.fixture
    def launcher(self, llama_server: Path) -> Launcher:
        return LlamaServerLauncher(llama_server)

    @pytest.fixture
    def model(self, smollm2: Path) -> Path:
        return smollm2

    @pytest.fixture
    def candidate(self) -> Candidate:
        return Candidate({"ctx-size": 512, "parallel": 1, "threads": 1, "warmup": False})
