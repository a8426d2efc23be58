"""Lay out the package as it is installed, from links, for tools that do not import it.

``launchers/`` and ``search_spaces/`` sit at the top of the repository and are installed as
``autotune.launchers`` and ``autotune.search_spaces``. mypy and import-linter look at folders, not
at the import system, so they are run on this tree. It can be thrown away at any time.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tomllib
from pathlib import Path

from toolbox import ROOT, answer


def mapped_folders(root: Path) -> dict[str, Path]:
    """The ``package-dir`` table of pyproject.toml: dotted package to folder."""
    with (root / "pyproject.toml").open("rb") as stream:
        table = tomllib.load(stream)["tool"]["setuptools"]["package-dir"]
    return {name: root / folder for name, folder in table.items()}


def link_children(folder: Path, into: Path) -> None:
    """Link everything in a package folder except what Python leaves behind."""
    into.mkdir(parents=True)
    for child in sorted(folder.iterdir()):
        if child.name != "__pycache__":
            (into / child.name).symlink_to(child.resolve())


def lay_out(root: Path, tree: Path) -> None:
    """Build the tree afresh, so that nothing deleted lingers in it."""
    shutil.rmtree(tree, ignore_errors=True)
    folders = mapped_folders(root)
    for name in sorted(folders):
        package = tree / name.replace(".", "/")
        link_children(folders[name], package)


def main(argv: list[str] | None = None) -> int:
    """Run the script and print the tree's path."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=ROOT / ".types", help="default: %(default)s")
    tree: Path = parser.parse_args(argv).output
    lay_out(ROOT, tree)
    answer(tree)
    return 0


if __name__ == "__main__":
    sys.exit(main())
