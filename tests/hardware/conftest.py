"""Cards without a driver: a probe that is handed what it shows, and a library that NVML loads."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from nvml_library import build_library

from autotune.errors import MachineError
from autotune.hardware.gpu import Gpu, GpuState

GIB = 2**30


@dataclass
class FakeProbe:
    """Shows `cards`; every card is in its state of `states`, or in an empty one."""

    cards: tuple[Gpu, ...] = ()
    states: Mapping[str, GpuState] = field(default_factory=dict)
    problem: str | None = None

    def gpus(self) -> tuple[Gpu, ...]:
        return self.cards

    def state(self, uuid: str) -> GpuState:
        if uuid not in {card.uuid for card in self.cards}:
            raise MachineError(f"no GPU {uuid}")
        return self.states.get(uuid, GpuState())


@pytest.fixture
def fake_probe() -> type[FakeProbe]:
    return FakeProbe


@pytest.fixture
def card() -> Callable[..., Gpu]:
    """``card("NVIDIA GeForce RTX 3090", index=0, vram=24, free=20)``; sizes in GiB."""

    def make(
        name: str, *, index: int = 0, vram: float | None = 24, free: float | None = None
    ) -> Gpu:
        total = None if vram is None else int(vram * GIB)
        left = total if free is None else int(free * GIB)
        uuid = f"GPU-{index}{index}-{index}"
        return Gpu(uuid=uuid, name=name, index=index, vram_bytes=total, free_bytes=left)

    return make


@pytest.fixture(scope="session")
def nvml_library(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """``nvml_library("-DOLD") -> folder`` with a compiled libnvidia-ml.so.1."""
    built: dict[tuple[str, ...], Path] = {}

    def build(*defines: str) -> Path:
        if defines not in built:
            built[defines] = build_library(tmp_path_factory.mktemp("nvml"), *defines)
        return built[defines]

    return build


@pytest.fixture(scope="session")
def with_library() -> Callable[..., Any]:
    """Runs Python code in a process that loads the library; gives back the JSON it prints.

    A process of its own: pynvml keeps the library that it loaded first.
    """

    def run(code: str, library: Path | None, mode: str = "cards") -> Any:
        env = {k: v for k, v in os.environ.items() if k != "LD_LIBRARY_PATH"}
        env["FAKE_NVML"] = mode
        if library is not None:
            env["LD_LIBRARY_PATH"] = str(library)
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", code],
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return run
