"""Tests mirror the tree: what tests `launchers/x.py` is found in `tests/launchers/`.

That is `test_x.py`, or a test file of that folder that imports the module by name.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCES = {"autotune": "", "launchers": "launchers", "search_spaces": "search_spaces"} | {
    "tools": "tools"
}
"""Folder of the product, and the folder below ``tests`` that mirrors it."""

WITHOUT_OWN_TEST: dict[str, str] = {
    "autotune/replay/endpoint.py": "data only",
    "autotune/replay/plan.py": "data only",
    "autotune/search/events.py": "data only",
    "autotune/trial/measurement.py": "data only",
    "launchers/protocol.py": "data and a protocol; what implements it is tested",
}
"""Modules without a test beside them, and why."""


def modules() -> list[Path]:
    """Every module of the product, relative to the repository; package files say nothing."""
    return sorted(
        path.relative_to(ROOT)
        for folder in SOURCES
        for path in (ROOT / folder).rglob("*.py")
        if path.name not in {"__init__.py", "__main__.py"}
    )


def imported(test: Path) -> Iterator[str]:
    """Every dotted name that a file imports: ``from a import b`` gives ``a`` and ``a.b``."""
    for node in ast.walk(ast.parse(test.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def dotted(module: Path) -> str:
    """The name a module is imported by."""
    words = module.with_suffix("").parts
    prefix = {"autotune": (), "tools": ()}.get(words[0], ("autotune",))
    return ".".join((*prefix, *(words[1:] if words[0] == "tools" else words)))


def has_test(module: Path) -> bool:
    """Whether the folder that mirrors the module's has a test of it."""
    folder = ROOT / "tests" / SOURCES[module.parts[0]] / Path(*module.parts[1:]).parent
    if (folder / f"test_{module.stem.strip('_')}.py").exists():
        return True
    return any(dotted(module) in set(imported(test)) for test in folder.glob("test_*.py"))


def test_every_module_has_its_test() -> None:
    bare = [m.as_posix() for m in modules() if not has_test(m)]
    assert sorted(set(bare) - set(WITHOUT_OWN_TEST)) == []


def test_the_exceptions_are_still_exceptions() -> None:
    known = {m.as_posix(): m for m in modules()}
    stale = [name for name in WITHOUT_OWN_TEST if name not in known or has_test(known[name])]
    assert stale == []
