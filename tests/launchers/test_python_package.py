"""What a console script's Python says of a package."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from autotune.launchers.environment import inherited
from autotune.launchers.python_package import installed, interpreter_of, is_python


def test_a_package_is_known_by_its_version_and_its_files() -> None:
    found = installed(Path(sys.executable), "pytest", inherited(os.environ))
    assert found is not None
    assert found.version == version("pytest")
    assert len(found.sha256) == 64


def test_a_package_that_is_not_there() -> None:
    env = inherited(os.environ)
    assert installed(Path(sys.executable), "no_such_package", env) is None
    assert installed(Path("/no/such/python"), "pytest", env) is None


def test_the_python_of_a_script(tmp_path: Path) -> None:
    script = tmp_path / "sglang"
    script.write_text("#!/venv/bin/python3.12\nimport sys\n", encoding="utf-8")
    assert interpreter_of(script) == "/venv/bin/python3.12"
    script.write_text("#!/bin/sh\nexec other\n", encoding="utf-8")
    assert interpreter_of(script) is None


@pytest.mark.parametrize(("name", "found"), [("python3.12", True), ("sglang", False)])
def test_an_interpreter_goes_by_its_name(name: str, found: bool) -> None:
    assert is_python(Path("/venv/bin") / name) is found
