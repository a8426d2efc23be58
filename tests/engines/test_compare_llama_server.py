"""``autotune compare`` on the real llama-server: its cache on and off, a config and itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autotune.study.turn_log import read_turns
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


def compare(
    path: Path, engine: Path, model: Path, *words: str
) -> tuple[subprocess.CompletedProcess[str], dict[str, Any]]:
    argv = ["compare", *words, "--engine", "llama-server", "--engine-path", str(engine)]
    argv += ["--model", str(model), "--gpu", "cpu", "--workload", str(path / "wl.jsonl")]
    argv += ["--max-output-tokens", "8", "--display", "plain", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *argv],
        cwd=path,
        env={**os.environ, "HOME": str(path)},
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done, json.loads(done.stdout)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    spec = SynthesisSpec(sessions=2, turns=4, start_depth=1500, depth=5_000, reply_tokens=16)
    write_capture(synthesize(spec), tmp_path / "wl.jsonl")
    return tmp_path


def test_the_cache_on_and_off(folder: Path, llama_server: Path, deep_model: Path) -> None:
    words = ("cache=on", "cache=off", "--blocks", "1", "--study", "c")
    done, found = compare(folder, llama_server, deep_model, *words)
    assert "identical prompts" in done.stderr
    records = list(read_turns(folder / "studies" / "c" / "turns.jsonl"))
    on, off = ([r for r in records if r.arm == f"cache={w}"] for w in ("on", "off"))
    assert (len(on), len(off)) == (8, 8)
    assert all(r.cached_tokens == 0 and r.computed_tokens == r.depth_tokens for r in off)
    assert {(r.session_id, r.turn, r.block): r.depth_tokens for r in on} == {
        (r.session_id, r.turn, r.block): r.depth_tokens for r in off
    }
    # With one slot two sessions in turn reuse what they share or what stayed in host memory.
    assert sum(r.cached_tokens or 0 for r in on) > 0.5 * sum(r.depth_tokens or 0 for r in on)
    warm, cold = found["arms"]
    assert (warm["effective"]["cache-ram"] != 0, cold["effective"]["cache-ram"]) == (True, 0)
    waits = {v["metric"]: v for v in found["verdicts"] if v["depth"] == "all"}
    assert waits["total_wait"]["ratio"] > 0  # which arm is faster is the machine's to say
    assert len(found["files"]) == 3


def test_a_config_against_itself_and_a_recorded_history(
    folder: Path, llama_server: Path, deep_model: Path
) -> None:
    words = ("default", "default", "history=recorded", "--blocks", "1", "--max-sessions", "1")
    _, found = compare(folder, llama_server, deep_model, *words)
    assert [arm["name"] for arm in found["arms"]] == ["default", "default (2)", "history=recorded"]
    first, same, other = (arm["plan_digest"] for arm in found["arms"])
    assert (first == same, first == other) == (True, False)
    assert {v["arm"] for v in found["verdicts"]} == {"default (2)", "history=recorded"}
    assert found["floor"] is not None  # one block cannot show the machine's noise
