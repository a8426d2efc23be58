"""The guards of the package-dir recipe: a list kept by hand, and two folders that are mapped."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
SETUPTOOLS: dict[str, Any] = PYPROJECT["tool"]["setuptools"]
SOURCES = {"autotune": "autotune", "launchers": "autotune.launchers"} | {
    "search_spaces": "autotune.search_spaces"
}
"""Folder at the top of the repository, and the package it is installed as."""


def packages_on_disk(root: Path) -> set[str]:
    """Dotted names of all folders with Python in them, as they are installed."""
    return {
        ".".join((package, *path.parent.relative_to(root / folder).parts))
        for folder, package in SOURCES.items()
        for path in (root / folder).rglob("*.py")
    }


def data_on_disk(root: Path) -> set[tuple[str, str]]:
    """Package and relative path of every packaged file that is not Python."""
    return {
        (package, path.relative_to(root / folder).as_posix())
        for folder, package in SOURCES.items()
        for path in (root / folder).rglob("*")
        if path.is_file() and path.suffix not in {".py", ".pyc"}
    }


def data_matched(root: Path) -> set[tuple[str, str]]:
    """Package and relative path of every file that a package-data pattern matches."""
    folders = {package: folder for folder, package in SOURCES.items()}
    return {
        (package, path.relative_to(root / folders[package]).as_posix())
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        for path in (root / folders[package]).glob(pattern)
    }


def test_every_package_is_listed() -> None:
    listed = SETUPTOOLS["packages"]
    assert packages_on_disk(ROOT) == set(listed)
    assert listed == sorted(listed)


def test_a_package_that_is_added_is_noticed(tmp_path: Path) -> None:
    (tmp_path / "launchers" / "brand_new").mkdir(parents=True)
    (tmp_path / "launchers" / "brand_new" / "__init__.py").touch()
    assert packages_on_disk(tmp_path) == {"autotune.launchers.brand_new"}


def test_every_package_has_an_init_file() -> None:
    folders = {path.parent for folder in SOURCES for path in (ROOT / folder).rglob("*.py")}
    assert [str(path) for path in folders if not (path / "__init__.py").exists()] == []


def test_every_data_file_is_packaged() -> None:
    assert data_on_disk(ROOT) == data_matched(ROOT)


def test_every_data_pattern_matches_something() -> None:
    empty = [
        (package, pattern)
        for package, patterns in SETUPTOOLS["package-data"].items()
        for pattern in patterns
        if not list((ROOT / SETUPTOOLS["package-dir"].get(package, package)).glob(pattern))
    ]
    assert empty == []


def test_the_packages_import_under_their_installed_names_only() -> None:
    for package in SETUPTOOLS["packages"]:
        assert importlib.util.find_spec(package) is not None, package
    probe = "import importlib.util as u; print(u.find_spec('launchers'), u.find_spec('tools'))"
    found = subprocess.run(
        [sys.executable, "-P", "-c", probe], capture_output=True, text=True, check=True, cwd="/"
    )
    assert found.stdout == "None None\n"


def test_data_is_read_through_the_package() -> None:
    space = files("autotune.search_spaces").joinpath("data/llama-server.toml")
    assert tomllib.loads(space.read_text(encoding="utf-8"))


def ruff(code: str, pretended_path: str) -> str:
    """What ruff says of `code` as if it stood at a path of the repository."""
    program = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    argv = [program, "check", "--output-format=concise", "--stdin-filename", pretended_path, "-"]
    done = subprocess.run(argv, input=code, capture_output=True, text=True, cwd=ROOT, check=False)
    return done.stdout


@pytest.mark.parametrize(
    ("line", "rule"),
    [
        ("import launchers", "TID251"),
        ("from launchers.protocol import Launcher", "TID251"),
        ("from search_spaces import data", "TID251"),
        ("import pandas as pd", "TID253"),
        ("import optuna", "TID253"),
        ("print('from a library')", "T201"),
    ],
)
def test_ruff_refuses_what_the_house_forbids(line: str, rule: str) -> None:
    assert rule in ruff(f"from __future__ import annotations\n\n{line}\n", "launchers/new.py")


def test_the_coverage_report_sees_the_mapped_folders() -> None:
    assert set(PYPROJECT["tool"]["coverage"]["run"]["source"]) == set(SOURCES)


def test_the_license_is_whole() -> None:
    text = (ROOT / "LICENSE").read_text(encoding="utf-8")
    assert PYPROJECT["project"]["license"] == "Apache-2.0"
    assert "Version 2.0, January 2004" in text
    assert "9. Accepting Warranty or Additional Liability." in text
    assert "END OF TERMS AND CONDITIONS" in text


def test_ci_runs_the_test_command_of_the_readme() -> None:
    assert "\nmake test" in (ROOT / "README.md").read_text(encoding="utf-8")
    script = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert "for target in test check wheel; do" in script
    assert "make test-engines" in script
    assert 'make "$target"' in script


def test_the_version_is_said_once_and_is_in_the_changelog() -> None:
    import autotune

    version = PYPROJECT["project"]["version"]
    assert autotune.__version__ == version
    assert f"\n## [{version}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
