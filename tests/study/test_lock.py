"""One worker a study, and a lock that dies with its process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from autotune.errors import UserError
from autotune.study.lock import study_lock

HOLDER = """
import sys
from pathlib import Path
from autotune.study.lock import study_lock
with study_lock(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_another_process_is_refused_and_named(tmp_path: Path) -> None:
    path = tmp_path / "demo" / ".lock"
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(UserError, match=f"process {holder.pid}.*study demo"):
            study_lock(path).__enter__()
        holder.kill()
    with study_lock(path):
        assert path.read_text() != ""


def test_the_lock_can_be_taken_again(tmp_path: Path) -> None:
    path = tmp_path / ".lock"
    with study_lock(path):
        pass
    with study_lock(path):
        pass
    assert path.exists()
