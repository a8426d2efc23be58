"""``autotune run --gpu 3090`` with a real engine beside a driver library that is ours."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from nvml_library import build_library

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

pytestmark = [pytest.mark.engines, pytest.mark.timeout(900)]


def test_the_reference_engine_is_measured_on_the_card_that_is_shown(
    tmp_path: Path, smollm2: Path
) -> None:
    pytest.importorskip("xllamacpp")
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=3, start_depth=800, depth=1200, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    (tmp_path / "nvml").mkdir()
    library = build_library(tmp_path / "nvml")
    argv = ["run", "--gpu", "3090", "--engine", "reference", "--model", str(smollm2)]
    argv += ["--workload", str(workload), "--study", "g", "--trials", "1", "--confirm-blocks", "1"]
    argv += ["--max-output-tokens", "4", "--json"]
    done = subprocess.run(
        [sys.executable, "-m", "autotune.cli.main", *argv],
        cwd=tmp_path,
        env={
            **os.environ, "HOME": str(tmp_path), "FAKE_NVML": "hot", "LD_LIBRARY_PATH": str(library)
        },
        capture_output=True,
        text=True,
        timeout=800,
        check=False,
    )  # fmt: skip
    assert done.returncode in (ExitCode.DONE, ExitCode.NOTHING_BETTER), done.stderr
    folder = StudyFolder(tmp_path / "studies" / "g")
    assert folder.read_provenance()["gpu_name"] == "NVIDIA GeForce RTX 3090"
    for record in folder.read_turns():
        machine = record.machine
        assert machine is not None
        assert machine.throttle == 0x60
        assert machine.rss_peak_bytes is not None
        assert machine.rss_peak_bytes > smollm2.stat().st_size  # the weights are in it
        assert machine.vram_peak_bytes is None  # nothing of ours is on a card that is not there
