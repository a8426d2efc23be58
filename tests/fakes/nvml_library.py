"""Compiles the stand-in for NVIDIA's driver library: see ``tests/hardware/fake_nvml.c``."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

SOURCE = Path(__file__).parents[1] / "hardware" / "fake_nvml.c"


def build_library(folder: Path, *defines: str) -> Path:
    """``libnvidia-ml.so.1`` in `folder`, for LD_LIBRARY_PATH; skips without a compiler."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None or not sys.platform.startswith("linux"):
        pytest.skip("needs a C compiler, on Linux")
    target = str(folder / "libnvidia-ml.so.1")
    argv = [compiler, "-shared", "-fPIC", "-w", *defines, "-o", target, str(SOURCE)]
    subprocess.run(argv, check=True)
    return folder
