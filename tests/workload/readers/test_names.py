from __future__ import annotations

from typing import Any

import pytest

from autotune.workload.readers.names import name_of


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a", "a"), ("\u00e9\U0001f600", "\u00e9\U0001f600")]
    + [(odd, None) for odd in ("", "\ud800", "a\udfff", None, 5, ["a"])],
)
def test_names_can_be_written(value: Any, expected: str | None) -> None:
    assert name_of(value) == expected
