"""``autotune run --engine llama-server,reference``: two real engines on the same weights."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

pytestmark = [pytest.mark.engines, pytest.mark.timeout(1800)]


def test_llama_server_and_the_reference_engine_are_compared_under_one_budget(
    tmp_path: Path, llama_server: Path, smollm2: Path
) -> None:
    pytest.importorskip("xllamacpp")
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=4, turns=3, start_depth=400, depth=700, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    argv = ["run", "--engine", "llama-server,reference", "--gpu", "cpu", "--study", "c"]
    argv += ["--engine-path", f"llama-server={llama_server}", "--model", str(smollm2)]
    argv += ["--workload", str(workload), "--trials", "4", "--confirm-blocks", "1", "--json"]
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
    events = [json.loads(line) for line in done.stdout.splitlines()]
    prepared, summary = events[0], events[-1]
    assert [row["engine"] for row in prepared["engines"]] == ["llama-server", "reference"]
    # The same weights and template: both count alike.
    assert len({row["deepest_tokens"] for row in prepared["engines"]}) == 1
    assert {row["engine"] for row in summary["arms"]} == {"llama-server", "reference"}
    assert all(row["turn_s"] for row in summary["arms"])
    folder = StudyFolder(tmp_path / "studies" / "c")
    for study in folder.engine_studies():
        assert all(t["state"] == "complete" for t in study.read_trials())
        assert study.read_result() is not None
