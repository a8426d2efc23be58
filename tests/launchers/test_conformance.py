"""The contract, kept by the fake engine and by the reference engine."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.launchers.protocol import Launcher
from autotune.testing import LauncherConformance


class TestFakeEngine(LauncherConformance):
    @pytest.fixture
    def launcher(self, fake_launcher: Callable[..., Launcher]) -> Launcher:
        return fake_launcher()

    @pytest.fixture
    def model(self, fake_model: Path) -> Path:
        return fake_model


class TestReferenceEngine(LauncherConformance):
    @pytest.fixture
    def launcher(self, reference_launcher: Launcher) -> Launcher:
        return reference_launcher

    @pytest.fixture
    def model(self, smollm2: Path) -> Path:
        return smollm2

    @pytest.fixture
    def candidate(self) -> Candidate:
        return Candidate({"ctx-size": 512, "parallel": 1, "threads": 1, "warmup": False})
