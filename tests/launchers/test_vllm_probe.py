"""Which build of a package a Python has, without importing it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from autotune.launchers import vllm_probe
from autotune.launchers.vllm_probe import facts


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packages with an engine that cannot be imported."""
    folder = tmp_path / "site"
    package = folder / "notvllm"
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("raise RuntimeError('imported')\n")
    (package / "_version.py").write_text("__version__ = version = '0.9.dev1+gabc'\n")
    (package / "_C.abi3.so").write_bytes(b"\x7fELF")
    monkeypatch.syspath_prepend(str(folder))
    return folder


def installed(site: Path, name: str = "notvllm-cpu", hashes: str = "a") -> None:
    """The installer's own words on the package."""
    info = site / f"{name.replace('-', '_')}-0.32.0.dist-info"
    info.mkdir(exist_ok=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0.32.0\n")
    (info / "top_level.txt").write_text("notvllm\n")
    (info / "RECORD").write_text(f"notvllm/__init__.py,sha256={hashes},1\n")


def test_a_package_under_another_name_is_told_by_its_hashes(site: Path) -> None:
    installed(site)
    first = facts("notvllm")
    assert first["distribution"] == "notvllm-cpu"
    assert first["version"] == "0.32.0"
    assert len(first["sha256"]) == 64
    assert facts("notvllm") == first
    installed(site, hashes="b")
    assert facts("notvllm")["sha256"] != first["sha256"]


def test_the_name_of_the_package_comes_before_a_plugins(site: Path) -> None:
    installed(site, "a")
    installed(site, "notvllm")
    assert facts("notvllm")["distribution"] == "notvllm"


def test_a_source_tree_says_its_version_itself(site: Path) -> None:
    first = facts("notvllm")
    assert (first["version"], first["distribution"]) == ("0.9.dev1+gabc", "")
    (site / "notvllm" / "_C.abi3.so").write_bytes(b"\x7fELF and more")
    assert facts("notvllm")["sha256"] != first["sha256"]


def test_no_package_is_a_problem_and_no_error() -> None:
    assert facts("no_such_engine") == {"problem": "this Python has no package no_such_engine"}


def test_its_source_runs_by_itself(tmp_path: Path) -> None:
    (tmp_path / "vllm").mkdir()
    (tmp_path / "vllm" / "__init__.py").write_text("")
    source = Path(vllm_probe.__file__).read_text(encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-S", "-c", source],
        cwd=tmp_path, capture_output=True, text=True, check=True,
    )  # fmt: skip
    # The folder called vllm is where it was started, not an engine.
    assert json.loads(done.stdout) == {"problem": "this Python has no package vllm"}
