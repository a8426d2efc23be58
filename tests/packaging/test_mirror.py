"""Tests mirror the tree: what tests `launchers/x.py` is found in `tests/launchers/`.

That is `test_x.py`, or a test file of that folder that imports the module, by itself or through a
module of the same folder that stands in front of it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"autotune": "", "launchers": "launchers", "search_spaces": "search_spaces"} | {
    "tools": "tools"
}
"""Folder of the product, and the folder below ``tests`` that mirrors it."""

_CONFORMANCE = "run on every launcher by tests/launchers/test_conformance.py"
WITHOUT_A_TEST = {
    "autotune/testing.py": _CONFORMANCE,
}
"""Modules that no test of their folder reaches, and why."""


@cache
def modules() -> dict[str, Path]:
    """Every module of the product by the name it is imported by; package files say nothing."""
    paths = (path.relative_to(ROOT) for folder in SOURCES for path in (ROOT / folder).rglob("*.py"))
    return {dotted(p): p for p in sorted(paths) if p.name not in {"__init__.py", "__main__.py"}}


def dotted(module: Path) -> str:
    """The name a module is imported by."""
    words = module.with_suffix("").parts
    if words[0] == "tools":
        return words[-1]
    return ".".join(words if words[0] == "autotune" else ("autotune", *words))


@cache
def imported(path: Path) -> frozenset[str]:
    """Every dotted name that a file imports: ``from a import b`` gives ``a`` and ``a.b``."""
    return frozenset(_imported(ast.parse(path.read_text(encoding="utf-8"))))


def _imported(tree: ast.AST) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def beside(module: Path) -> list[Path]:
    """The test files of the folder that mirrors the module's."""
    folder = ROOT / "tests" / SOURCES[module.parts[0]] / Path(*module.parts[1:]).parent
    return sorted(folder.glob("test_*.py"))


def reached(folder: Path) -> set[str]:
    """The modules of a folder that its tests name or import, and those behind them there."""
    inside = {name: path for name, path in modules().items() if path.parent == folder}
    tests = beside(folder / "any.py")
    named = {test.stem for test in tests}
    names = frozenset().union(*map(imported, tests))
    todo = [n for n, p in inside.items() if n in names or f"test_{p.stem.strip('_')}" in named]
    found: set[str] = set()
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(imported(ROOT / inside[name]) & inside.keys())
    return found


def bare() -> list[str]:
    """Modules that have no test in the folder that mirrors theirs."""
    folders = {path.parent for path in modules().values()}
    found = set().union(*map(reached, folders))
    return [path.as_posix() for name, path in modules().items() if name not in found]


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("autotune/replay/sse.py", "autotune.replay.sse"),
        ("launchers/protocol.py", "autotune.launchers.protocol"),
        ("tools/toolbox.py", "toolbox"),
    ],
)
def test_modules_are_known_by_the_name_they_are_imported_by(path: str, name: str) -> None:
    assert modules()[name] == Path(path)


def test_every_module_is_tested_where_it_belongs() -> None:
    assert sorted(set(bare()) - set(WITHOUT_A_TEST)) == []


def test_the_exceptions_are_still_exceptions() -> None:
    assert set(WITHOUT_A_TEST) <= set(bare())
