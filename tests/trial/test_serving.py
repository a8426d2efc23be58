"""A candidate that serves for a few questions leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.candidate import Candidate
from autotune.launchers.failure import TrialError
from autotune.launchers.http import ask
from autotune.launchers.protocol import Launcher
from autotune.trial.real import RealMeasurer
from autotune.trial.serving import serving

CANDIDATE = Candidate({"ctx-size": 4096, "ubatch-size": 256, "parallel": 1})


@pytest.fixture
def measurer_for(
    fake_launcher: Callable[..., Launcher], fake_model: Path, tmp_path: Path
) -> Callable[..., RealMeasurer]:
    def make(*faults: str) -> RealMeasurer:
        return RealMeasurer(
            launcher=fake_launcher(*faults),
            model=fake_model,
            logs_dir=tmp_path / "logs",
            work_dir=tmp_path / "work",
            seed=0,
            start_timeout_s=60.0,
        )

    return make


def test_it_serves_and_is_gone_afterwards(
    measurer_for: Callable[..., RealMeasurer], tmp_path: Path
) -> None:
    with serving(measurer_for(), CANDIDATE, "quality-reference") as server:
        assert ask(server.base_url, "/health") is not None
    assert server.process.poll() is not None
    assert not list((tmp_path / "work").iterdir())
    assert (tmp_path / "logs" / "quality-reference.log").is_file()


def test_a_server_that_does_not_start_is_a_failure_of_the_trial(
    measurer_for: Callable[..., RealMeasurer], tmp_path: Path
) -> None:
    with (
        pytest.raises(TrialError),
        serving(measurer_for("die-during-load"), CANDIDATE, "quality-reference"),
    ):
        pytest.fail("it must not serve")
    assert not list((tmp_path / "work").iterdir())


def test_one_that_runs_with_other_settings_is_not_asked(
    measurer_for: Callable[..., RealMeasurer],
) -> None:
    with (
        pytest.raises(TrialError, match="does not run with"),
        serving(measurer_for("wrong-settings"), CANDIDATE, "quality-reference"),
    ):
        pytest.fail("it must not be asked")
