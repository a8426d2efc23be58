"""``autotune fleet`` on a machine whose driver library is ours, and on the processor."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from nvml_library import build_library

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
ENDED = (ExitCode.DONE, ExitCode.NOTHING_BETTER, ExitCode.NO_FEASIBLE_TRIAL)
"""A machine that is busy enough measures nothing; the study has come to its end all the same."""
FLEET = """
[fleet]
engine = "{engine}"
trials = 2
confirm-blocks = 1
max-output-tokens = 4
gpus = ["3090", "4090", "cpu", "5090"]
skip = ["coder-agents-5090"]
models = {{ coder = "fake-model.gguf" }}
workloads = {{ agents = "wl.jsonl" }}

[fleet.targets.other]
gpu = "5090"
model = "fake-model.gguf"
workload = "wl.jsonl"

[fleet.targets.coder-agents-4090]
trials = 1
"""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def run(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path, library: Path
) -> Run:
    """``run("fleet", "plan", "fleet.toml")``: the command in a folder with that fleet."""
    assert fake_model.parent == tmp_path
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), tmp_path / "wl.jsonl")
    engine = fake_engine_manifest(token_us=30_000.0, search_space=str(SPACE))
    (tmp_path / "fleet.toml").write_text(FLEET.format(engine=engine))
    (tmp_path / "autotune.toml").write_text("hold = false\neffects = false\n")

    def start(*argv: str, mode: str = "duo") -> subprocess.CompletedProcess[str]:
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PYTHONPATH")}
        fake = {"FAKE_NVML": mode, "LD_LIBRARY_PATH": str(library), "COLUMNS": "200"}
        return subprocess.run(
            [sys.executable, "-m", "autotune.cli.main", *argv],
            env={**kept, "HOME": str(tmp_path / "home"), **fake},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=500,
            check=False,
        )

    return start


def rows_of(done: subprocess.CompletedProcess[str]) -> dict[str, Any]:
    document = json.loads(done.stdout.splitlines()[-1])
    assert document["schema_version"] == "fleet/1"
    return {row.get("target", row.get("name")): row for row in document["targets"]}


@pytest.mark.scale
def test_a_fleet_from_its_plan_to_its_table(run: Run, tmp_path: Path) -> None:
    planned = run("fleet", "plan", "fleet.toml", "--json")
    assert planned.returncode == 0, planned.stderr
    plan = rows_of(planned)
    assert {name: row["standing"] for name, row in plan.items()} == {
        "coder-agents-3090": "not tuned yet",
        "coder-agents-4090": "not tuned yet",
        "coder-agents-cpu": "not tuned yet",
        "other": "not here",
    }
    assert "no GPU matches '5090'" in plan["other"]["reasons"][0]

    done = run("fleet", "run", "fleet.toml", "--json")
    assert done.returncode in ENDED, done.stderr
    rows = rows_of(done)
    assert [rows[name]["state"] for name in rows][-1] == "not here"
    tuned = ["coder-agents-3090", "coder-agents-4090", "coder-agents-cpu"]
    for name in tuned:
        assert rows[name]["exit_code"] in ENDED
        folder = StudyFolder(tmp_path / "studies" / f"fleet-{name}")
        assert folder.read_result() is not None
    assert len(StudyFolder(tmp_path / "studies" / "fleet-coder-agents-4090").read_trials()) == 1
    events = [json.loads(line) for line in done.stdout.splitlines()[:-1]]
    shares = {e["worker"]: e["processors"] for e in events if e["event"] == "worker_started"}
    assert shares["coder-agents-cpu"] is None
    order = [e["worker"] for e in events if e["event"] == "worker_started"]
    assert order[-1] == "coder-agents-cpu"

    again = run("fleet", "run", "fleet.toml")
    assert again.returncode == ExitCode.DONE, again.stderr
    assert again.stderr.count("done: nothing changed since it was tuned") == 3
    assert "started on" not in again.stderr
    for name in tuned:
        assert f"{name}: " in again.stdout

    shown = rows_of(run("fleet", "show", "fleet.toml", "--json"))
    assert {name: row["verdict"] for name, row in shown.items()} == {
        name: row["verdict"] for name, row in rows.items()
    }

    text = (tmp_path / "fleet.toml").read_text().replace('gpu = "5090"', 'gpu = "3090"')
    (tmp_path / "fleet.toml").write_text(
        text.replace("max-output-tokens = 4", "max-output-tokens = 5")
    )
    changed = rows_of(run("fleet", "plan", "fleet.toml", "--json"))
    assert {row["standing"] for row in changed.values()} == {"changed", "not tuned yet"}
    assert "the target's max-output-tokens: 4 is now 5" in changed["coder-agents-cpu"]["reasons"]
    assert changed["coder-agents-cpu"]["study"] == "fleet-coder-agents-cpu-2"
