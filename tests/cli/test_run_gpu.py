"""``autotune run --gpu 3090`` on a machine whose driver library is ours: as on a real box."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gguf_file import LLAMA, write_gguf
from nvml_library import build_library

from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"
UUID = "GPU-11111111-aaaa-bbbb-cccc-000000000001"
GIB = 2**30
CACHE_BYTES_PER_TOKEN = 2 * 2**20
WIDE = {
    **LLAMA,
    "llama.block_count": 64,
    "llama.embedding_length": 8192,
    "llama.attention.head_count": 64,
    "llama.attention.head_count_kv": 64,
}
"""2 x 64 layers x 64 heads x 128 x 2 bytes a token: 64 GiB of cache for its 32768 tokens."""

Run = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_library(tmp_path_factory.mktemp("nvml"))


@pytest.fixture
def run(fake_engine_manifest: Callable[..., Path], tmp_path: Path, library: Path) -> Run:
    """``run("quiet", "--trials", "1", gpu="3090")``: the command on a machine of that mode."""
    workload, model = tmp_path / "wl.jsonl", tmp_path / "wide.gguf"
    spec = SynthesisSpec(sessions=1, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    write_gguf(model, WIDE)

    def start(
        mode: str, *more: str, gpu: str = "3090", space: str = str(SPACE), **env: str
    ) -> object:
        manifest = fake_engine_manifest(token_us=20_000.0, search_space=space)
        argv = ["run", "--gpu", gpu, "--engine", str(manifest), "--model", str(model)]
        argv += ["--workload", str(workload), "--study", "s", "--trials", "1"]
        argv += ["--confirm-blocks", "1", "--max-output-tokens", "4", "--display", "plain"]
        kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PYTHONPATH")}
        return subprocess.run(
            [sys.executable, "-m", "autotune.cli.main", *argv, *more],
            env={
                **kept, "HOME": str(tmp_path / "home"), "COLUMNS": "80", "FAKE_NVML": mode,
                "LD_LIBRARY_PATH": str(library), **env,
            },
            cwd=tmp_path,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )  # fmt: skip

    return start  # type: ignore[return-value]


ENDED = (ExitCode.DONE, ExitCode.NOTHING_BETTER)


def test_the_card_is_found_kept_to_and_its_throttling_is_in_the_turns(
    run: Run, tmp_path: Path
) -> None:
    done = run("hot")
    assert done.returncode in ENDED, done.stderr
    assert "GPU       NVIDIA GeForce RTX 3090" in done.stderr
    folder = StudyFolder(tmp_path / "studies" / "s")
    provenance = folder.read_provenance()
    assert (provenance["gpu"], provenance["gpu_name"]) == (UUID, "NVIDIA GeForce RTX 3090")
    assert provenance["driver"] == "580.95.05"
    machines = [record.machine for record in folder.read_turns()]
    assert machines
    assert all(machine is not None and machine.sm_clock_max_mhz == 1695 for machine in machines)
    assert 0x60 in {machine.throttle for machine in machines if machine is not None}
    result = folder.read_result()
    assert result is not None
    assert result["baseline"]["env"] == {"CUDA_VISIBLE_DEVICES": UUID}


def test_what_does_not_fit_the_card_is_not_tried(run: Run, tmp_path: Path) -> None:
    """64 GiB of cache for the model's own context, on a card of which 16 GiB are free."""
    free = str(16 * 1024)
    done = run(
        "quiet", "--trials", "2", "--allow-busy", space="llama-server", FAKE_NVML_FREE_MIB=free
    )
    assert done.returncode in ENDED, done.stderr
    folder = StudyFolder(tmp_path / "studies" / "s")
    result = folder.read_result()
    assert result is not None
    assert result["baseline"]["full_settings"]["ctx-size"] < 2048  # not 32768
    tried = [trial["settings"] for trial in folder.read_trials() if trial["state"] == "complete"]
    assert tried
    for settings in tried:
        assert settings["ctx-size"] * CACHE_BYTES_PER_TOKEN < 16 * GIB


def test_a_busy_card_is_refused_until_that_is_allowed(run: Run, tmp_path: Path) -> None:
    pid = str(os.getpid())
    refused = run("held", FAKE_NVML_PID=pid)
    assert refused.returncode == ExitCode.MACHINE
    assert f"(pid {pid}) hold 33% of its memory" in refused.stderr
    assert "--allow-busy" in refused.stderr
    assert not list(StudyFolder(tmp_path / "studies" / "s").read_turns())
    allowed = run("held", "--allow-busy", FAKE_NVML_PID=pid)
    assert allowed.returncode in ENDED, allowed.stderr


@pytest.mark.parametrize(
    ("mode", "gpu", "words"),
    [
        ("quiet", "4090", "no GPU matches '4090'; here: 0: NVIDIA GeForce RTX 3090, 24.0 GiB"),
        ("cards", "auto", "'auto' could be any of 2 GPUs"),
        ("mig", "a100", "if you mean the NVIDIA A100-SXM4-40GB MIG 3g.20gb, use --gpu MIG-5555"),
    ],
)
def test_a_card_that_is_not_meant_or_not_here(run: Run, mode: str, gpu: str, words: str) -> None:
    done = run(mode, gpu=gpu)
    assert done.returncode == ExitCode.MACHINE
    assert words in " ".join(done.stderr.split())


def test_a_plan_needs_no_card_and_a_measurement_does(run: Run, tmp_path: Path) -> None:
    planned = run("quiet", "--dry-run", "--assume-gpu", gpu="4090")
    assert planned.returncode == ExitCode.DONE, planned.stderr
    assert "NVIDIA GeForce RTX 4090: 24 GiB, 1008 GB/s" in planned.stdout
    assert "What fits, by estimate:" in planned.stdout
    refused = run("quiet", "--assume-gpu", gpu="4090")
    assert refused.returncode == ExitCode.USAGE
    assert "add --dry-run" in refused.stderr
    assert not (tmp_path / "studies").exists()
