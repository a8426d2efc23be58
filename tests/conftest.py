"""Fixtures for every test: a fake engine, a model file, the reference engine, a real model."""

from __future__ import annotations

import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from autotune.launchers.process import stop_process
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.launchers.registry import make_launcher

_FAKES = Path(__file__).parent / "fakes"


def pytest_configure() -> None:
    """A shell that starts the suite in the background has SIGINT ignored, in all children too."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def _load(name: str) -> ModuleType:
    """A module of ``tests/fakes``: with importlib mode it is on nobody's path."""
    full_name = f"autotune_test_{name}"
    if full_name in sys.modules:
        return sys.modules[full_name]
    spec = importlib.util.spec_from_file_location(full_name, _FAKES / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[full_name] = module
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def fake_engine_manifest(tmp_path: Path) -> Callable[..., Path]:
    """``fake_engine_manifest("die-mid-stream=2", token_us=500) -> Path``: see fakes/manifest.py."""
    count = iter(range(1000))

    def write(*faults: str, **options: Any) -> Path:
        folder = tmp_path / f"engine{next(count)}"
        path: Path = _load("manifest").write_manifest(folder, *faults, **options)
        return path

    return write


@pytest.fixture
def fake_launcher(fake_engine_manifest: Callable[..., Path]) -> Callable[..., Launcher]:
    """The launcher of such a manifest."""

    def make(*faults: str, **options: Any) -> Launcher:
        return make_launcher(str(fake_engine_manifest(*faults, **options)))

    return make


@pytest.fixture
def fake_model(tmp_path: Path) -> Path:
    """A GGUF file of metadata alone: a llama of 2 layers, 2 of 4 heads for KV, 32k context."""
    path = tmp_path / "fake-model.gguf"
    _load("gguf_file").write_gguf(path)
    return path


@pytest.fixture
def launch_context(tmp_path: Path) -> Callable[..., LaunchContext]:
    """A context with directories of its own; any field may be given."""
    count = iter(range(1000))

    def make(model: Path, **fields: Any) -> LaunchContext:
        work_dir = tmp_path / f"launch{next(count)}"
        defaults: dict[str, Any] = {
            "work_dir": work_dir,
            "log_path": work_dir / "engine.log",
            "trial_id": "trial-0001",
            "start_timeout_s": 60.0,
        }
        return LaunchContext(model=model, **{**defaults, **fields})

    return make


@pytest.fixture
def stop_later() -> Iterator[Callable[[Server], Server]]:
    """Hand it every server that a test launches: they are stopped when the test ends."""
    servers: list[Server] = []

    def remember(server: Server) -> Server:
        servers.append(server)
        return server

    yield remember
    for server in servers:
        stop_process(server.process, grace_s=2.0)


@pytest.fixture(scope="session")
def smollm2() -> Path:
    """SmolLM2-135M-Instruct, a real model of 90 MB; skips where it is absent."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    default = cache / "autotune" / "models" / "SmolLM2-135M-Instruct.Q4_1.gguf"
    path = Path(os.environ.get("AUTOTUNE_TEST_MODEL") or default)
    if not path.is_file():
        pytest.skip(f"no model at {path}; run: make models, or set AUTOTUNE_TEST_MODEL")
    return path


@pytest.fixture(scope="session")
def reference_launcher() -> Launcher:
    """The reference engine, asked once what it is; skips where its extra is not installed."""
    pytest.importorskip("xllamacpp", reason="run: pip install 'autotune-serving[reference]'")
    return make_launcher("reference")
