"""``autotune nightly recover``: what a night that was killed left open."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from autotune.cli.main import main
from autotune.errors import ExitCode
from autotune.nightly.gpu_lock import state_lock
from autotune.nightly.night_steps import NIGHT
from autotune.nightly.nights import Nights
from autotune.nightly.pause import ensure_paused
from autotune.nightly.site import Site
from autotune.nightly.target_site import site_of

TARGET = """
model = "m.gguf"
workload = "captures"
[nightly.targets.coder]
hooks = { before = "echo before >> lines", after = "echo after >> lines" }
"""
STAMP = "2026-11-23T02-30-11Z"


@pytest.fixture(autouse=True)
def site(tmp_path: Path, cli_env: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Site:
    from autotune.cli.nightly_targets import demand_targets

    for name in list(os.environ):
        if name.startswith(("AUTOTUNE_", "XDG_")):
            monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", cli_env["HOME"])
    monkeypatch.chdir(tmp_path)
    (tmp_path / "autotune.toml").write_text(TARGET)
    (target,) = demand_targets(Path("studies"), [])
    return site_of(target, dict(os.environ))


def test_where_nothing_is_open_nothing_is_done(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["nightly", "recover"]) == 0
    assert capsys.readouterr().out == "coder: nothing was open\n"


def test_hooks_are_paired_and_the_night_gets_its_page(
    site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    site.journal.begin(NIGHT, stamp=STAMP, boot=site.boot)
    ensure_paused(site, "tuning")
    assert main(["nightly", "recover", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)["targets"]
    assert row["target"] == "coder"
    assert row["done"] == [
        f"the night {STAMP} was cut short: its page says so",
        "the after hook was run",
    ]
    assert (tmp_path / "lines").read_text().split() == ["before", "after"]
    night = Nights.of(site.state).last()
    assert night is not None
    assert (night.stamp, night.outcome.value) == (STAMP, "stopped")
    assert site.journal.open_steps() == ()


def test_a_night_that_runs_is_left_alone(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    with state_lock(site.state, "coder"):
        assert main(["nightly", "recover"]) == ExitCode.MACHINE
    assert "is taken" in capsys.readouterr().err
