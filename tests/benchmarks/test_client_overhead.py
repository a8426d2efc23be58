"""`make bench`: what the replay client adds, on the reference engine and on llama-server."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path
from types import ModuleType

import pytest

from autotune.launchers.protocol import Launcher

pytestmark = pytest.mark.bench


@pytest.fixture(scope="module")
def bench_client() -> ModuleType:
    """The script beside this file."""
    path = Path(__file__).with_name("bench_client.py")
    spec = importlib.util.spec_from_file_location("bench_client", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules["bench_client"] = module
    spec.loader.exec_module(module)
    return module


def _bench(module: ModuleType, engine: str, engine_path: Path | None, model: Path) -> None:
    with module.running(engine, engine_path, model) as endpoint:
        overhead = module.measure(endpoint, module.bench_plan(2, 6, 24))
    print(f"\n{engine}", *module.report(overhead), sep="\n")
    assert overhead.turns == 12


def test_the_reference_engine(
    bench_client: ModuleType, reference_launcher: Launcher, smollm2: Path
) -> None:
    _bench(bench_client, reference_launcher.name, None, smollm2)


def test_llama_server(bench_client: ModuleType, smollm2: Path) -> None:
    path = os.environ.get("AUTOTUNE_TEST_LLAMA_SERVER")
    if path is None:
        pytest.skip("AUTOTUNE_TEST_LLAMA_SERVER is not set: run `make bench`")
    _bench(bench_client, "llama-server", Path(path), smollm2)
