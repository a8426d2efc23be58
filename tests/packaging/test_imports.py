"""Dependencies point one way, and import-linter sees all of the house."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import types_tree

ROOT = Path(__file__).resolve().parents[2]
LINT = Path(sys.executable).parent / "lint-imports"


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """The package as it is installed."""
    types_tree.lay_out(ROOT, tmp_path / "tree")
    return tmp_path / "tree"


def lint(tree: Path) -> subprocess.CompletedProcess[str]:
    argv = [str(LINT), "--config", str(ROOT / "pyproject.toml"), "--no-cache"]
    return subprocess.run(argv, cwd=tree, capture_output=True, text=True, check=False)


def test_dependencies_point_one_way(tree: Path) -> None:
    done = lint(tree)
    assert done.returncode == 0, done.stdout


def test_a_mapped_folder_that_reaches_up_is_caught(tree: Path) -> None:
    new = tree / "autotune" / "launchers" / "reaches_up.py"
    new.write_text("def f():\n    from autotune.cli import main\n    return main\n")
    done = lint(tree)
    assert done.returncode == 1
    assert "autotune.launchers.reaches_up -> autotune.cli" in done.stdout


def test_settings_are_read_at_the_command_line_only(tree: Path) -> None:
    new = tree / "autotune" / "search" / "global_settings.py"
    (tree / "autotune" / "search").unlink()
    new.parent.mkdir()
    (new.parent / "__init__.py").touch()
    new.write_text("from autotune.config import Settings\n")
    done = lint(tree)
    assert "autotune.search.global_settings -> autotune.config" in done.stdout
