"""``autotune run`` on the real llama-server and a real captured session, whole and cut short."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from itertools import pairwise
from pathlib import Path
from typing import Any

import httpx
import pytest

from autotune.errors import ExitCode
from autotune.launchers.process import free_port
from autotune.records import TurnRecord
from autotune.study.folder import StudyFolder

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

LONG = "svc-1778982944853132415.jsonl"
"""Fourteen turns; recorded depth 5,463 to 59,151 tokens by its own tokenizer."""


def run(
    tmp_path: Path, engine: Path, model: Path, capture: Path, trials: int = 2
) -> subprocess.CompletedProcess[str]:
    """Some trials, one block of confirmation; replies cut to 8 tokens.

    Not filled afterwards: test_hold.py does that with the same session.
    """
    argv = ["run", "--engine", "llama-server", "--engine-path", str(engine), "--gpu", "cpu"]
    argv += ["--model", str(model), "--workload", str(capture), "--study", "s"]
    argv += ["--trials", str(trials)]
    argv += ["--confirm-blocks", "1", "--max-output-tokens", "8", "--display", "plain", "--no-hold"]
    argv += ["--no-usual-chart"]
    done = subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *argv],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), done.stderr
    return done


def records_of(folder: StudyFolder, arm: str) -> list[TurnRecord]:
    return sorted((r for r in folder.read_turns() if r.arm == arm), key=lambda r: r.order)


def test_a_real_session_is_replayed_to_its_full_depth_and_the_export_serves(
    tmp_path: Path, llama_server: Path, deep_model: Path, fizeau_captures: Path
) -> None:
    run(tmp_path, llama_server, deep_model, fizeau_captures / LONG)
    folder = StudyFolder(tmp_path / "studies" / "s")
    for arm in ("trial-0000", "trial-0001"):
        records = records_of(folder, arm)
        assert [r.turn for r in records] == list(range(14))
        assert all(r.ok for r in records)
        depths = [r.depth_tokens or 0 for r in records]
        assert depths == sorted(depths)
        assert depths[-1] > 55_000
        assert all(
            (r.cached_tokens or 0) + (r.computed_tokens or 0) == r.depth_tokens for r in records
        )
    # A plain model on one conversation reuses the whole prompt before it.
    for before, after in pairwise(records_of(folder, "trial-0000")):
        assert (after.cached_tokens or 0) >= 0.95 * (before.depth_tokens or 0)
    exported_script_serves(tmp_path, folder)


def exported_script_serves(tmp_path: Path, folder: StudyFolder) -> None:
    """The shell export of a trial starts the engine with that trial's settings."""
    script = tmp_path / "serve.sh"
    argv = ["export", "s", "--format", "shell", "--full", "--trial", "1", "--allow-unconfirmed"]
    subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *argv, "--output", str(script)],
        cwd=tmp_path,
        check=True,
        capture_output=True,
    )
    asked = folder.read_trials()[1]["settings"]
    port = free_port("127.0.0.1")
    process = subprocess.Popen(
        ["sh", str(script), "--port", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        props = until_props(f"http://127.0.0.1:{port}", process)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=60)
    assert props["total_slots"] == asked["parallel"]
    assert props["default_generation_settings"]["n_ctx"] == asked["ctx-size"]


def until_props(url: str, process: subprocess.Popen[bytes]) -> dict[str, Any]:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        assert process.poll() is None, "the exported script ended"
        try:
            answer = httpx.get(f"{url}/props", timeout=10)
        except httpx.TransportError:
            time.sleep(0.05)
            continue
        if answer.status_code == 200:
            found: dict[str, Any] = answer.json()
            return found
        time.sleep(0.05)
    raise AssertionError("the exported script never served")


def test_the_same_session_is_cut_where_a_small_model_ends(
    tmp_path: Path, llama_server: Path, smollm2: Path, fizeau_captures: Path
) -> None:
    done = run(tmp_path, llama_server, smollm2, fizeau_captures / LONG, trials=1)
    folder = StudyFolder(tmp_path / "studies" / "s")
    records = records_of(folder, "trial-0000")
    assert 1 <= len(records) < 14
    assert all(r.ok and (r.depth_tokens or 0) <= 8192 for r in records)
    assert f"{14 - len(records)} turns lie beyond the model's context of 8192 tokens" in done.stderr
    result = folder.read_result()
    assert result is not None
    assert json.dumps(result["summary"]["verdict"])
