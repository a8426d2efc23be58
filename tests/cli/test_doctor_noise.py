"""``autotune doctor --noise``, in this process: a floor in words and as JSON."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.cli import doctor
from autotune.cli.doctor_noise import noise_of
from autotune.cli.main import main
from autotune.cli.user_cache import noise_folder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = Path(__file__).parents[1] / "fakes" / "fake_space.toml"

Ask = Callable[..., int]


@pytest.fixture
def ask(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, fake_engine_manifest: Callable[..., Path]
) -> Ask:
    monkeypatch.setattr(doctor, "LOAD_SAMPLE_S", 0.06)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=3, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    engine = str(fake_engine_manifest(prefill_us=1.0, search_space=str(SPACE)))

    def run(*words: str) -> int:
        fixed = ["--gpu", "cpu", "--engine", engine, "--seconds", "0.01", "--workload", str(path)]
        return main(["doctor", "--noise", *fixed, *words])

    return run


def test_a_floor_for_a_person(
    ask: Ask, fake_model: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert ask("--model", str(fake_model)) == 0
    out, err = capsys.readouterr()
    assert "noise floor of this machine (" in out
    assert "TTFT              two runs differ by up to " in out
    assert "by 2 runs in " in out
    assert err.count("s/turn, took") == 2
    kept = list(noise_folder({"XDG_CACHE_HOME": str(tmp_path / "cache")}).iterdir())
    assert len(kept) == 1


def test_a_floor_as_json(ask: Ask, fake_model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask("--model", str(fake_model), "--json") == 0
    document = json.loads(capsys.readouterr().out)
    (noise,) = document["noise"].values()
    assert noise["runs"] == 2
    assert noise["floor"]["half_widths"]["ttft"] >= 0
    assert noise["floor"]["method"] == "parts of repeated runs"
    assert noise["key"]["shape"]


def test_without_a_model_it_says_what_to_give(ask: Ask, capsys: pytest.CaptureFixture[str]) -> None:
    assert ask() == 2
    err = capsys.readouterr().err
    assert "no model is named" in err
    assert "--model model.gguf" in err


def test_nothing_is_measured_without_engines() -> None:
    assert noise_of({}, None, 1.0, None) == {}  # type: ignore[arg-type]
