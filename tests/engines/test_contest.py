"""``autotune run --engine llama-server,reference``: two real engines on the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]


def contest(tmp_path: Path, *argv: str) -> tuple[StudyFolder, list[dict[str, Any]]]:
    """A contest over four small sessions: its folder and its events."""
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=4, turns=3, start_depth=700, depth=1100, reply_tokens=24)
    write_capture(synthesize(spec), workload)
    whole = ["run", "--gpu", "cpu", "--study", "c", "--workload", str(workload), "--json", *argv]
    done = subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *whole, "--confirm-blocks", "1"],
        cwd=tmp_path,
        env={**os.environ, "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )
    assert done.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), done.stderr
    folder = StudyFolder(tmp_path / "studies" / "c")
    for study in folder.engine_studies():
        # One that cannot win may end before its last turn.
        assert {t["state"] for t in study.read_trials()} <= {"complete", "stopped-early"}
        assert study.read_result() is not None
    return folder, [json.loads(line) for line in done.stdout.splitlines()]


def test_llama_server_and_the_reference_engine_are_compared_under_one_budget(
    tmp_path: Path, llama_server: Path, deep_model: Path
) -> None:
    pytest.importorskip("xllamacpp")
    argv = ["--engine", "llama-server,reference", "--model", str(deep_model), "--trials", "4"]
    _, events = contest(tmp_path, *argv, "--engine-path", f"llama-server={llama_server}")
    prepared, summary = events[0], events[-1]
    assert [row["engine"] for row in prepared["engines"]] == ["llama-server", "reference"]
    # The same weights and template: both count alike.
    assert len({row["deepest_tokens"] for row in prepared["engines"]}) == 1
    assert {row["engine"] for row in summary["arms"]} == {"llama-server", "reference"}
    assert all(row["turn_s"] for row in summary["arms"])


def test_llama_server_and_vllm_are_compared_on_the_same_turns_of_other_depths(
    tmp_path: Path, llama_server: Path, deep_model: Path, vllm: Path, tiny_hf: Path
) -> None:
    argv = ["--engine", "llama-server,vllm", "--trials", "2"]
    argv += ["--engine-path", f"llama-server={llama_server},vllm={vllm}"]
    argv += ["--model", f"llama-server={deep_model}", "--model", f"vllm={tiny_hf}"]
    # Compiling would take half a minute of each start.
    argv += ["--set", "vllm:enforce-eager=true"]
    folder, events = contest(tmp_path, *argv)
    prepared, summary = events[0], events[-1]
    one, other = prepared["engines"]
    assert one["deepest_tokens"] != other["deepest_tokens"]
    assert any("vllm counts these prompts as" in note for note in prepared["notes"])
    assert [row["engine"] for row in summary["arms"]] == ["llama-server", "vllm"]
    turns: dict[str, list[tuple[str, int, int | None]]] = {}
    for r in folder.read_turns():
        turns.setdefault(r.arm, []).append((r.session_id, r.turn, r.output_tokens))
    first, second = turns.values()
    assert first == second
