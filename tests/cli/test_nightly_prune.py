"""``autotune nightly prune``."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.nightly.gpu_lock import state_lock
from autotune.nightly.prune import state_folder, study_name

TARGET = """
model = "m.gguf"
workload = "captures"
[nightly.targets.coder]
keep = { studies = 1 }
"""


@pytest.fixture(autouse=True)
def studies(
    tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> dict[str, Path]:
    """Two studies of nights, of which one is kept, and a person's own."""
    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "autotune.toml").write_text(TARGET)
    names = {
        "old": study_name("coder", "2026-11-01T02-30-11Z"),
        "new": study_name("coder", "2026-11-02T02-30-11Z"),
        "mine": "mine",
    }
    paths = {key: tmp_path / "studies" / name for key, name in names.items()}
    for path in paths.values():
        path.mkdir(parents=True)
        (path / "turns.jsonl").write_bytes(b"x" * 2**20)
    return paths


def test_a_dry_run_removes_nothing(
    studies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["nightly", "prune", "--dry-run"]) == 0
    assert capsys.readouterr().out == "coder: would remove 1 study; 1.0 MiB\n"
    assert all(path.is_dir() for path in studies.values())


def test_what_is_beyond_the_rule_goes(
    studies: dict[str, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["nightly", "prune", "coder", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    (row,) = told["targets"]
    assert (row["target"], row["studies"]) == ("coder", [studies["old"].name])
    assert row["freed_bytes"] >= 2**20
    assert {key for key, path in studies.items() if path.is_dir()} == {"new", "mine"}
    assert main(["nightly", "prune"]) == 0
    assert capsys.readouterr().out == "coder: nothing to remove\n"


def test_a_night_that_runs_is_left_alone(
    studies: dict[str, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with state_lock(state_folder(tmp_path / "studies", "coder"), "coder"):
        assert main(["nightly", "prune"]) == 3
    assert "target coder is taken by the night of coder" in capsys.readouterr().err
    assert studies["old"].is_dir()
