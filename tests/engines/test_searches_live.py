"""The live comparison of searches on the real llama-server: interrupted, and taken up again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autotune.errors import ExitCode
from autotune.launchers.marks import TUNER_PID

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]

SCRIPT = Path(__file__).parents[1] / "benchmarks" / "live_search.py"
SMALL = ["--seeds", "1", "--budget", "15s", "--blocks", "1", "--turns", "3", "--depth", "520"]


def start(folder: Path, engine: Path, model: Path) -> subprocess.Popen[str]:
    argv = [str(folder), "--engine-path", str(engine), "--model", str(model), "--json"]
    return subprocess.Popen(
        [sys.executable, str(SCRIPT), *argv, *SMALL, "--reply-tokens", "8"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def engines_of(pid: int) -> list[int]:
    """Processes that carry the mark of tuner `pid`."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get(TUNER_PID) == str(pid):
                found.append(process.pid)
        except (psutil.Error, OSError):
            continue
    return found


def launches(folder: Path) -> list[str]:
    """Rows of both searches."""
    paths = sorted(folder.glob("seeds/0/*/launches.jsonl"))
    return [line for path in paths for line in path.read_text().splitlines()]


def test_it_is_interrupted_goes_on_and_leaves_no_engine(
    tmp_path: Path, llama_server: Path, smollm2: Path
) -> None:
    folder = tmp_path / "studies" / "live"
    first = start(folder, llama_server, smollm2)
    deadline = time.monotonic() + 300
    while len(launches(folder)) < 2 and first.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.kill(first.pid, signal.SIGINT)
    _, told = first.communicate(timeout=60)
    assert first.returncode == ExitCode.INTERRUPTED, told
    assert "the same command goes on from here" in told
    assert engines_of(first.pid) == []
    before = launches(folder)
    second = start(folder, llama_server, smollm2)
    out, told = second.communicate(timeout=600)
    assert second.returncode == ExitCode.DONE, told
    assert engines_of(second.pid) == []
    after = launches(folder)
    assert len(before) >= 2
    assert set(before) <= set(after)
    found = json.loads(out)
    (row,) = found["seeds"]
    assert all(arm["turn_s"] > 0 for arm in row["arms"].values())
    assert found["overall"]["ours/random"]["seeds"] == 1
    assert (folder / "README.md").is_file()
