"""Small files: old or new, never half."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from autotune.errors import MachineError
from autotune.study.files import (
    disk_error,
    read_json,
    write_bytes_atomic,
    write_json,
    write_text_atomic,
)


def test_what_was_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.json"
    write_json(path, {"a": [1, "ü"]})
    assert read_json(path) == {"a": [1, "ü"]}


def test_a_file_that_is_not_there_is_none(tmp_path: Path) -> None:
    assert read_json(tmp_path / "a.json") is None


@pytest.mark.parametrize("text", ["{", "[1]", "\x00"])
def test_a_damaged_file_is_named(tmp_path: Path, text: str) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(MachineError, match=r"a\.json"):
        read_json(path)


def test_a_failed_write_leaves_the_old_content_and_no_temporary(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"old": True})

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(MachineError, match="disk is full"):
        write_json(path, {"new": True})
    assert read_json(path) == {"old": True}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"]


def test_mode_is_kept(tmp_path: Path) -> None:
    path = tmp_path / "run.sh"
    write_text_atomic(path, "#!/bin/sh\n", mode=0o755)
    assert path.stat().st_mode & 0o777 == 0o755


def test_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "plots" / "a.png"
    write_bytes_atomic(path, b"\x89PNG\r\n\x1a\n\x00")
    assert path.read_bytes() == b"\x89PNG\r\n\x1a\n\x00"


def test_other_disk_errors_keep_their_reason(tmp_path: Path) -> None:
    error = disk_error(tmp_path, OSError(13, "Permission denied"))
    assert "Permission denied" in error.message
