"""Where commands write."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import pytest

from autotune.cli.io import CommandIO, json_line


@dataclass(frozen=True)
class Point:
    x: int
    where: Path


def test_json_is_one_line_without_markup(capsys: pytest.CaptureFixture[str]) -> None:
    io = CommandIO(json=True)
    io.emit_json({"text": "[bold]a\nb[/bold]" + "x" * 200, "p": Point(1, Path("a/b"))})
    out, err = capsys.readouterr()
    assert out.count("\n") == 1
    assert json.loads(out)["p"] == {"x": 1, "where": "a/b"}
    assert json.loads(out)["text"].startswith("[bold]a\nb")
    assert err == ""


def test_json_takes_sets_and_mappings_and_nothing_odd() -> None:
    assert json.loads(json_line({"s": {2, 1}, "m": MappingProxyType({"a": 1})})) == {
        "s": [1, 2],
        "m": {"a": 1},
    }
    with pytest.raises(TypeError):
        json_line(object())
    with pytest.raises(ValueError, match="not JSON compliant"):
        json_line(float("nan"))


def test_the_consoles_are_the_two_streams(capsys: pytest.CaptureFixture[str]) -> None:
    io = CommandIO()
    io.out.print("data")
    io.err.print("talk")
    assert capsys.readouterr() == ("data\n", "talk\n")
