from __future__ import annotations

from pathlib import Path

import pytest

import types_tree

PYPROJECT = """
[tool.setuptools.package-dir]
"pkg" = "pkg"
"pkg.engines" = "engines"
"""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "repo"
    (root / "pkg" / "cli").mkdir(parents=True)
    (root / "pkg" / "__pycache__").mkdir()
    (root / "pkg" / "__init__.py").touch()
    (root / "engines").mkdir()
    (root / "engines" / "one.py").write_text("x = 1\n")
    (root / "pyproject.toml").write_text(PYPROJECT)
    return root


def test_mapped_folders_land_where_they_are_installed(root: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    types_tree.lay_out(root, tree)
    found = sorted(path.relative_to(tree).as_posix() for path in tree.rglob("*"))
    assert found == [
        "pkg",
        "pkg/__init__.py",
        "pkg/cli",
        "pkg/engines",
        "pkg/engines/one.py",
    ]
    assert (tree / "pkg/engines/one.py").read_text() == "x = 1\n"


def test_what_was_deleted_does_not_linger(root: Path, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    types_tree.lay_out(root, tree)
    (root / "engines" / "one.py").unlink()
    types_tree.lay_out(root, tree)
    assert list((tree / "pkg" / "engines").iterdir()) == []
    assert (root / "pkg" / "__init__.py").exists()


def test_the_script_prints_the_tree(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tree = tmp_path / "tree"
    assert types_tree.main(["--output", str(tree)]) == 0
    assert capsys.readouterr().out == f"{tree}\n"
    assert (tree / "autotune" / "launchers" / "protocol.py").exists()
