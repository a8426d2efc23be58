"""``autotune run`` on the real vLLM, on the processor: the smallest study there can be."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]

BLOCK_TOKENS = 128
"""What the processor's kernels take when they are left to choose."""


def autotune(folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *words],
        cwd=folder,
        env={**os.environ, "HOME": str(folder)},
        capture_output=True,
        text=True,
        timeout=1700,
        check=False,
    )


def test_two_trials_are_measured_confirmed_and_exported(
    tmp_path: Path, vllm: Path, tiny_hf: Path
) -> None:
    """Compiling is switched off, which would take half a minute of each of the five starts."""
    shape = ["--sessions", "2", "--turns", "3", "--reply-tokens", "16"]
    depth = ["--start-depth", "700", "--depth", "1100"]
    autotune(tmp_path, "captures", "synthesize", "w.jsonl", *shape, *depth)
    engine = ["--engine", "vllm", "--engine-path", str(vllm), "--model", str(tiny_hf)]
    size = ["--trials", "2", "--confirm-blocks", "1", "--set", "enforce-eager=true"]
    place = ["--workload", "w.jsonl", "--gpu", "cpu", "--study", "s", "--display", "plain"]
    done = autotune(tmp_path, "run", *engine, *place, *size)
    assert done.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), done.stderr
    folder = StudyFolder(tmp_path / "studies" / "s")
    trials = folder.read_trials()
    assert [trial["failure"] for trial in trials] == [None, None]
    assert trials[1]["settings"]["speculative-config.method"] == "ngram"
    prefixes_are_reused_in_whole_blocks(folder)
    result = folder.read_result()
    assert result is not None
    assert json.dumps(result["summary"]["verdict"])
    the_export_says_what_was_measured(tmp_path, vllm, tiny_hf)


def prefixes_are_reused_in_whole_blocks(folder: StudyFolder) -> None:
    records = [r for r in folder.read_turns() if r.arm == "trial-0000"]
    assert len(records) == 6
    assert all(r.ok and (r.ttft_s or 0) > 0 for r in records)
    assert all((r.cached_tokens or 0) % BLOCK_TOKENS == 0 for r in records)
    assert sum(r.cached_tokens or 0 for r in records) > 0


def the_export_says_what_was_measured(tmp_path: Path, vllm: Path, tiny_hf: Path) -> None:
    argv = ["export", "s", "--format", "shell", "--full", "--trial", "1", "--allow-unconfirmed"]
    script = autotune(tmp_path, *argv).stdout.replace(" \\\n    ", " ")
    assert f"{vllm} -m vllm.entrypoints.openai.api_server" in script
    assert f"--model {tiny_hf}" in script
    assert '"method": "ngram"' in script
    assert "VLLM_CPU_NUM_OF_RESERVED_CPU=1" in script
    assert "--kv-cache-memory-bytes" in script
    assert "--served-model-name" not in script
