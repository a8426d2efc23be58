from __future__ import annotations

import ast
from random import Random

import pytest

from autotune.workload.synthesis.source import function, source_file


@pytest.mark.parametrize("seed", range(20))
def test_source_is_source(seed: int) -> None:
    lines = source_file(Random(seed), functions=6)
    tree = ast.parse("\n".join(lines))
    functions = [node for node in tree.body if isinstance(node, ast.FunctionDef)]
    assert len(functions) == 6
    assert ast.get_docstring(tree)


def test_a_function_ends_with_two_blank_lines() -> None:
    lines = function(Random(3))
    assert lines[0].startswith("def ")
    assert lines[-2:] == ["", ""]
    assert lines[-3].startswith("    return ")
