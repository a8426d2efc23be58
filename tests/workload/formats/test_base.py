"""The parts that formats share."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from autotune.workload.formats.base import known, lines_file, whole_ms


def test_a_file_of_lines_appears_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "new" / "x.jsonl.gz"
    with lines_file(path) as write:
        write({"a": 1})
        assert not path.exists()
        write({"b": "\u20ac"})
    assert gzip.decompress(path.read_bytes()).decode() == '{"a":1}\n{"b":"\u20ac"}\n'
    with pytest.raises(ZeroDivisionError), lines_file(tmp_path / "y.jsonl") as write:
        write({"a": 1 // 0})
    assert [p.name for p in tmp_path.iterdir()] == ["new"]


def test_absent_is_absent() -> None:
    assert known({"a": None, "b": 0, "c": ""}) == {"b": 0, "c": ""}
    assert (whole_ms(None), whole_ms(1.6)) == (None, 2)
