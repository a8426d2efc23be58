"""``autotune run --gpu all`` on a machine whose driver library is ours: a real worker a card."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from nvml_library import build_library

from autotune.errors import ExitCode
from autotune.launchers.marks import TRIAL
from autotune.nightly.gpu_lock import gpu_lock
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
FIRST = "GPU-11111111-aaaa-bbbb-cccc-000000000001"
TWIN = "GPU-77777777-aaaa-bbbb-cccc-000000000007"
OTHER = "GPU-88888888-aaaa-bbbb-cccc-000000000008"
STUDY_3090, STUDY_4090 = "s-nvidia-geforce-rtx-3090-24g", "s-nvidia-geforce-rtx-4090-24g"
ENDED = (ExitCode.DONE, ExitCode.NOTHING_BETTER, ExitCode.NO_FEASIBLE_TRIAL)
"""A machine that is busy enough measures nothing; the study has come to its end all the same."""
LONG_S = 500.0

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def start(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path, library: Path
) -> Iterator[Start]:
    """``start("--trials", "1", mode="duo")``: the command on a machine with those cards."""
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    manifest = fake_engine_manifest(token_us=30_000.0, search_space=str(SPACE))
    begun: list[subprocess.Popen[str]] = []

    def run(*more: str, mode: str = "duo", gpu: str = "all") -> subprocess.Popen[str]:
        argv = ["run", "--gpu", gpu, "--engine", str(manifest), "--model", str(fake_model)]
        argv += ["--workload", str(workload), "--confirm-blocks", "1", "--max-output-tokens", "4"]
        argv += ["--study", "s", "--no-hold", "--no-effects", *more]
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PYTHONPATH")}
        fake = {"FAKE_NVML": mode, "LD_LIBRARY_PATH": str(library), "COLUMNS": "160"}
        begun.append(
            subprocess.Popen(
                [sys.executable, "-m", "autotune.cli.main", *argv],
                env={**kept, "HOME": str(tmp_path / "home"), **fake},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        return begun[-1]

    yield run
    for process in begun:
        process.kill()
        process.communicate()


def engines_in(folder: Path) -> list[int]:
    """Engines that serve a model of this test."""
    found = []
    for process in psutil.process_iter():
        try:
            if TRIAL in process.environ() and any(
                str(folder) in word for word in process.cmdline()
            ):
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def until_measured(process: subprocess.Popen[str], names: set[str]) -> None:
    """Wait till each worker has begun a trial."""
    assert process.stdout is not None
    left = set(names)
    while left:
        line = process.stdout.readline()
        assert line, process.stderr.read() if process.stderr else ""
        event = json.loads(line)
        if event["event"] == "trial_started":
            left.discard(event["worker"])


def last(out: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(out.splitlines()[-1])
    return document


def test_two_kinds_have_a_worker_and_a_study_each(start: Start, tmp_path: Path) -> None:
    process = start("--trials", "2", "--display", "plain")
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode in ENDED, err
    for name, uuid in ((STUDY_3090, FIRST), (STUDY_4090, OTHER)):
        folder = StudyFolder(tmp_path / "studies" / name)
        assert folder.read_provenance()["gpu"] == uuid
        assert folder.read_result() is not None
    lines = err.splitlines()
    assert all(line.startswith(("GPU 0: ", "GPU 1: ", "note: ")) for line in lines), err
    assert any(line.startswith("GPU 1: trial #0 (1/2)") for line in lines)
    assert "GPU 0  " in out
    assert "NVIDIA GeForce RTX 4090" in out


def test_a_plan_starts_nothing(start: Start, tmp_path: Path) -> None:
    process = start("--dry-run", "--json", mode="trio")
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == 0, err
    rows = last(out)["workers"]
    assert [row["gpu"] for row in rows] == [FIRST, TWIN, OTHER]
    assert [row["study"] for row in rows] == [STUDY_3090, STUDY_3090, STUDY_4090]
    assert [row["shared"] for row in rows] == [True, True, False]
    cores = [tuple(row["processors"] or ()) for row in rows]
    assert len({len(share) for share in cores}) == 1
    given_out = [number for share in cores for number in share]
    assert len(given_out) == len(set(given_out))
    assert not (tmp_path / "studies").exists()
    joined = start("--dry-run", "--json", "--storage", f"sqlite:///{tmp_path}/x.db", mode="trio")
    out, err = joined.communicate(timeout=LONG_S)
    assert joined.returncode == 0, err
    assert [row["shared"] for row in last(out)["workers"]] == [True, True, True]


@pytest.mark.scale
def test_ctrl_c_once_ends_trials_and_twice_engines(start: Start, tmp_path: Path) -> None:
    process = start("--trials", "40", "--json")
    until_measured(process, {"GPU 0", "GPU 1"})
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == ExitCode.STOPPED_EARLY, err
    assert [row["state"] for row in last(out)["workers"]] == ["stopped", "stopped"]
    assert engines_in(tmp_path) == []

    again = start("--trials", "40", "--json")
    until_measured(again, {"GPU 0", "GPU 1"})
    again.send_signal(signal.SIGINT)
    again.send_signal(signal.SIGINT)
    _, err = again.communicate(timeout=LONG_S)
    assert again.returncode in (ExitCode.INTERRUPTED, ExitCode.STOPPED_EARLY), err
    assert engines_in(tmp_path) == []


def test_a_gpu_that_a_night_has_is_left_alone(start: Start, tmp_path: Path) -> None:
    locks = tmp_path / "home" / ".cache" / "autotune" / "nightly" / "locks"
    with gpu_lock(OTHER, locks, "coder"):
        process = start("--trials", "1", "--json", gpu="3090,4090")
        out, err = process.communicate(timeout=LONG_S)
    assert process.returncode == ExitCode.MACHINE, err
    free, taken = last(out)["workers"]
    assert free["exit_code"] in ENDED
    assert taken["state"] == "failed"
    assert "the night of coder" in taken["verdict"]
    assert list(StudyFolder(tmp_path / "studies" / STUDY_4090).read_turns()) == []


def test_one_gpu_is_planned_for_at_a_time(start: Start) -> None:
    process = start("--dry-run", "--assume-gpu")
    _, err = process.communicate(timeout=LONG_S)
    assert process.returncode == ExitCode.USAGE
    assert "--assume-gpu plans for one GPU" in err


@pytest.mark.scale
def test_identical_gpus_search_one_study_together(start: Start, tmp_path: Path) -> None:
    process = start("--trials", "4", "--json", mode="trio", gpu="0,1")
    out, err = process.communicate(timeout=LONG_S)
    assert process.returncode in ENDED, err
    first, second = last(out)["workers"]
    assert (first["gpu"], first["name"], second["name"]) == (second["gpu"], "GPU 0", "GPU 1")
    rows = [json.loads(line) for line in out.splitlines()]
    begun = [(r["number"], r["worker"]) for r in rows if r.get("event") == "trial_started"]
    numbers = [number for number, _ in begun]
    assert len(set(numbers)) == len(numbers)  # nothing is measured by both
    assert {worker for _, worker in begun} == {"GPU 0", "GPU 1"}
    assert (tmp_path / "studies" / "shared" / "s.db").is_file()
    assert engines_in(tmp_path) == []
