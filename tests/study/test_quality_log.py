"""quality.jsonl survives a kill in the middle of a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.study.quality_log import append_quality, quality_path, read_quality


def test_rows_come_back_in_order(tmp_path: Path) -> None:
    path = quality_path(tmp_path / "study")
    assert read_quality(path) == []
    append_quality(path, {"what": "reference", "n": 1})
    append_quality(path, {"what": "candidate", "n": 2})
    assert [(row["what"], row["n"]) for row in read_quality(path)] == [
        ("reference", 1), ("candidate", 2),
    ]  # fmt: skip


def test_a_torn_line_is_passed_over_and_closed_off(tmp_path: Path) -> None:
    path = quality_path(tmp_path)
    append_quality(path, {"what": "reference"})
    with path.open("a") as handle:
        handle.write('{"schema_version": "quality/1", "what": "cand')
    append_quality(path, {"what": "candidate"})
    assert [row["what"] for row in read_quality(path)] == ["reference", "candidate"]


def test_other_versions_are_not_read(tmp_path: Path) -> None:
    path = quality_path(tmp_path)
    path.write_text('{"schema_version": "quality/9"}\n[1]\n')
    assert read_quality(path) == []


def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(MachineError, match="cannot write"):
        append_quality(tmp_path / "file" / "quality.jsonl", {})
