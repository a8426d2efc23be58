"""Names of session files, and what an earlier export left."""

from __future__ import annotations

from pathlib import Path

from autotune.workload.formats.folders import drop_stale, session_file
from autotune.workload.model import Session


def test_names_sort_as_sessions_came() -> None:
    assert session_file(7, Session("a b/../c", ())) == "0007-a-b-..-c.jsonl"
    assert session_file(12345, Session("\u20ac", ())) == "12345-session.jsonl"


def test_only_files_of_an_earlier_export_go(tmp_path: Path) -> None:
    for name in ("0001-a.jsonl", "0002-b.jsonl", "notes.jsonl", "0003-c.txt"):
        (tmp_path / name).write_text("x")
    (tmp_path / "0004-d.jsonl").mkdir()
    drop_stale(tmp_path, {"0001-a.jsonl"})
    left = sorted(path.name for path in tmp_path.iterdir())
    assert left == ["0001-a.jsonl", "0003-c.txt", "0004-d.jsonl", "notes.jsonl"]
