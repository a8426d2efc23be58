"""``capture/1`` through the table of formats."""

from __future__ import annotations

from pathlib import Path

from autotune.workload.formats.capture1 import CAPTURE_1
from autotune.workload.load import load_workload
from autotune.workload.model import Session


def test_a_file_or_a_folder_with_everything_in_it(sessions: list[Session], tmp_path: Path) -> None:
    for name in ("x.jsonl.zst", "folder"):
        written = CAPTURE_1.write(sessions, tmp_path / name, b"")
        assert (written.sessions, written.turns) == (2, 4)
        assert list(load_workload(tmp_path / name).sessions) == sessions
