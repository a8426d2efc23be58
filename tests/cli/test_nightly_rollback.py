"""``autotune nightly rollback``: one command, and what was live before is live again."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from nightly_site import config

from autotune.cli.main import main
from autotune.errors import ExitCode
from autotune.nightly.generations import Draft
from autotune.nightly.gpu_lock import state_lock
from autotune.nightly.promote import promote
from autotune.nightly.target_site import exports_of, site_of
from autotune.nightly.targets import Target

TARGET = """
[nightly]
gpu = "cpu"
engine = "llama-server"
model = "m.gguf"
workload = "captures"

[nightly.targets.coder]
hooks = { before = "echo before >> lines", after = "echo after >> lines" }
[[nightly.targets.coder.exports]]
format = "json"
path = "served/a.json"
"""


@pytest.fixture(autouse=True)
def target(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Target:
    """Two generations were promoted."""
    from autotune.cli.nightly_targets import demand_targets

    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "autotune.toml").write_text(TARGET)
    (found,) = demand_targets(Path("studies"), [])
    site = site_of(found, dict(os.environ))
    for batch in (256, 512):
        tuned = config(batch)
        draft = Draft(
            config=tuned, exports=exports_of(found, tuned), study="s", why="", fingerprint={}
        )
        promote(site.generations.stage(draft), site)
    return found


def batch(tmp_path: Path) -> int:
    text = (tmp_path / "served" / "a.json").read_text(encoding="utf-8")
    return int(json.loads(text)["settings"]["batch-size"])


def test_back_and_forth(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert batch(tmp_path) == 512
    assert main(["nightly", "rollback"]) == 0
    assert capsys.readouterr().out == "coder: generation 1 is live, after 2\n"
    assert batch(tmp_path) == 256
    assert main(["nightly", "rollback", "coder", "--to", "2", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["generation"], told["was"], told["healthy"]) == (2, 1, True)
    assert batch(tmp_path) == 512
    assert (tmp_path / "lines").read_text().split() == ["before", "after"] * 4


def test_there_is_nothing_before_the_first(capsys: pytest.CaptureFixture[str]) -> None:
    main(["nightly", "rollback"])
    assert main(["nightly", "rollback"]) == ExitCode.USAGE
    assert "generation 1 is the first" in capsys.readouterr().err


def test_it_stays_although_nothing_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    health = '\n[nightly.targets.coder.health]\nurl = "http://127.0.0.1:9"\nstart = "1s"\n'
    (tmp_path / "autotune.toml").write_text(TARGET + health)
    assert main(["nightly", "rollback"]) == ExitCode.MACHINE
    told = capsys.readouterr()
    assert told.out == "coder: generation 1 is live, after 2\n"
    assert "does not answer" in told.err
    assert batch(tmp_path) == 256


def test_a_night_that_runs_is_waited_for(
    target: Target, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with state_lock(target.state, "coder"):
        assert main(["nightly", "rollback"]) == ExitCode.MACHINE
    assert "target coder is taken" in capsys.readouterr().err
    assert batch(tmp_path) == 512


def test_of_several_targets_one_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "autotune.toml").write_text(TARGET + "\n[nightly.targets.other]\n")
    assert main(["nightly", "rollback"]) == ExitCode.USAGE
    assert "name one of: coder, other" in capsys.readouterr().err
