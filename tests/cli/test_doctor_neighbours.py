"""``autotune doctor --neighbours``: what it says, and what it asks for."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from nvml_library import build_library

from autotune.cli.doctor_neighbours import lines_of
from autotune.cli.main import main
from autotune.team.neighbours import Disturbance, disturbance
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"


def found(ratio: float, neighbours: int = 1) -> Disturbance:
    return disturbance([1.0, 1.01], [ratio, ratio * 1.01], neighbours)


def test_a_disturbance_in_words() -> None:
    first, label, alone, beside = lines_of(found(1.5), "0: RTX 3090")
    assert first.startswith("1 neighbour makes a difference: beside them a turn takes 1.50x as")
    assert "(95% interval 1.4" in first
    assert label.strip() == "0: RTX 3090"
    assert (alone.split()[0], beside.split()[0]) == ("alone", "beside")
    assert lines_of(found(1.5, 2), "x")[0].startswith("2 neighbours make a difference")
    assert lines_of(found(1.0), "x")[0].startswith("no disturbance by 1 neighbour was shown")


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--gpu", "all"], "no model is named"),
        (["--noise", "--model", "m.gguf"], "and nothing besides"),
        (["--engine", "llama-server,vllm"], "measures one engine"),
    ],
)
def test_what_it_needs_is_said(
    more: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--neighbours", *more]) == 2
    assert words in capsys.readouterr().err


def test_two_cards_and_real_processes(
    fake_engine_manifest: Callable[..., Path], fake_model: Path, tmp_path: Path
) -> None:
    library = build_library(tmp_path)
    manifest = fake_engine_manifest(token_us=20_000.0, search_space=str(SPACE))
    kept = {k: v for k, v in os.environ.items() if k in ("PATH", "LANG", "PYTHONPATH")}
    workload = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), workload)
    argv = ["doctor", "--neighbours", "--gpu", "all", "--engine", str(manifest), "--json"]
    argv += ["--workload", str(workload)]

    def ask(mode: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "autotune.cli.main", *argv, "--model", str(fake_model),
             "--seconds", "0.1"],
            env={**kept, "HOME": str(tmp_path / "home"), "FAKE_NVML": mode,
                 "LD_LIBRARY_PATH": str(library)},
            cwd=tmp_path, capture_output=True, text=True, timeout=500, check=False,
        )  # fmt: skip

    done = ask("duo")
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["schema_version"] == "neighbours/1"
    assert (len(document["gpus"]), document["neighbours"]) == (2, 1)
    assert document["low"] <= document["ratio"] <= document["high"]
    assert "alone: " in done.stderr
    assert "beside: " in done.stderr
    alone = ask("quiet")
    assert alone.returncode == 2
    assert json.loads(alone.stdout or alone.stderr)["error"]["hint"].startswith("name several")
