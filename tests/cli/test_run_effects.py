"""``autotune run`` ends with the smallest change that keeps the gain, and says what it is worth."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from stopwatch import nominal_times

from autotune.cli.main import main
from autotune.errors import ExitCode
from autotune.study.folder import StudyFolder
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture

SPACE = """
schema_version = "search-space/1"
engine = "fake"

[parameters.ubatch-size]
choices = [512, 4096]
default = 512
ordered = true
concept = "batch size"

[parameters.poll]
choices = [0, 50]
default = 50
ordered = true
concept = "polling"

[[start]]
name = "everything"
why = "as somebody found it"
set = { ubatch-size = 4096, poll = 0 }
"""


@pytest.fixture
def undisturbed() -> Iterator[None]:
    """Whether a flag does nothing is told to 3%: what a shared machine does is ten times that."""
    with nominal_times():
        yield


@pytest.mark.usefixtures("undisturbed")
def test_a_flag_that_does_nothing_is_left_out_of_what_is_recommended(
    fake_engine_manifest: Callable[..., Path],
    fake_model: Path,
    tmp_path: Path,
    cli_env: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", dict(cli_env))
    (tmp_path / "space.toml").write_text(SPACE)
    spec = SynthesisSpec(sessions=1, turns=4, start_depth=800, depth=1600, reply_tokens=16)
    write_capture(synthesize(spec), tmp_path / "wl.jsonl")
    # A prompt of 800 tokens takes 0.8 s with the default's batch and 0.1 s with the large one.
    manifest = fake_engine_manifest(
        prefill_us=1000.0, token_us=5000.0, search_space=str(tmp_path / "space.toml")
    )
    argv = ["run", "--engine", str(manifest), "--model", str(fake_model), "--gpu", "cpu"]
    argv += ["--workload", "wl.jsonl", "--study", "s", "--trials", "2", "--budget", "30m"]
    argv += ["--confirm-blocks", "1", "--max-output-tokens", "3"]
    argv += ["--no-hold", "--no-usual-chart", "--objective", "ttft", "--display", "plain"]
    assert main(argv) == ExitCode.DONE
    out, err = capsys.readouterr()
    assert "what each change is worth: trial-0001 against itself" in err
    folder = StudyFolder(tmp_path / "studies" / "s")
    result = folder.read_result()
    assert result is not None
    rows = {row["name"]: row for row in result["summary"]["effects"]}
    assert result["winner"]["settings"] == {"ubatch-size": 4096}
    assert result["winner"]["trial"] == 2
    assert set(rows) == {"ubatch-size"}
    assert rows["ubatch-size"]["ratio"] == pytest.approx(8.0, rel=0.05)
    assert [row["name"] for row in result["summary"]["needless"]] == ["poll"]
    assert "What changed, and what each change is worth" in out
    assert "left out, as they do nothing: poll=0" in out
    assert "--poll 0" not in result["summary"]["launch_command"]
    for path in folder.exports.iterdir():
        assert "poll 0" not in path.read_text()
    labels = [trial["label"] for trial in folder.read_trials()]
    assert labels == ["default", "everything", "fewer: trial-0001 without poll"]
    assert main(["study", "show", "s"]) == ExitCode.DONE
    assert "Not needed for the gain: poll=0" in " ".join(capsys.readouterr().out.split())
