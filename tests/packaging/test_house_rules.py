"""Functions are small and files hold one idea: measured on the syntax tree."""

from __future__ import annotations

import ast
import statistics
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("autotune", "launchers", "search_spaces", "tools")
MOST_FUNCTION_LINES = 60
MOST_FILE_LINES = 420
MEDIAN_FUNCTION_LINES = 12
FUTURE = "from __future__ import annotations"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def modules() -> list[Path]:
    return sorted(path for folder in SOURCES for path in (ROOT / folder).rglob("*.py"))


def functions(tree: ast.AST) -> Iterator[Function]:
    return (node for node in ast.walk(tree) if isinstance(node, Function))


def body_lines(function: Function) -> int:
    """Lines from the signature's end to the last statement, without the docstring."""
    body = function.body
    if ast.get_docstring(function) is not None:
        body = body[1:]
    return (body[-1].end_lineno or 0) - body[0].lineno + 1 if body else 0


def lengths() -> dict[str, int]:
    """Body lines of every function, by where it stands."""
    return {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": body_lines(function)
        for path in modules()
        for function in functions(ast.parse(path.read_text(encoding="utf-8")))
    }


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("def f():\n    return 1\n", 1),
        ('def f():\n    """Doc,\n    of two lines."""\n    x = 1\n\n    return x\n', 3),
        ('async def f():\n    """Only a docstring."""\n', 0),
    ],
)
def test_docstrings_do_not_count(code: str, lines: int) -> None:
    (function,) = functions(ast.parse(code))
    assert body_lines(function) == lines


def test_no_function_is_long() -> None:
    assert {at: n for at, n in lengths().items() if n > MOST_FUNCTION_LINES} == {}


def test_most_functions_are_short() -> None:
    assert statistics.median(lengths().values()) < MEDIAN_FUNCTION_LINES


def test_no_file_is_long() -> None:
    sizes = {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in modules()}
    assert {name: n for name, n in sizes.items() if n > MOST_FILE_LINES} == {}


def test_annotations_are_never_evaluated() -> None:
    with_code = [p for p in modules() if "import " in p.read_text(encoding="utf-8")]
    assert [str(p) for p in with_code if FUTURE not in p.read_text(encoding="utf-8")] == []
