"""A candidate may name the model file that it serves."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from autotune.candidate import Candidate
from autotune.launchers.model_setting import with_model
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Launcher, Server


def test_without_a_model_nothing_changes(
    launch_context: Callable[..., LaunchContext], tmp_path: Path
) -> None:
    candidate, context = Candidate({"parallel": 1}), launch_context(tmp_path / "a.gguf")
    assert with_model(candidate, context) == (candidate, context)


def test_the_named_file_is_the_launchs_model_and_no_flag(
    launch_context: Callable[..., LaunchContext], tmp_path: Path
) -> None:
    context = launch_context(tmp_path / "a.gguf")
    candidate, changed = with_model(Candidate({"parallel": 1, "model": "/m/b.gguf"}), context)
    assert dict(candidate.settings) == {"parallel": 1}
    assert changed.model == Path("/m/b.gguf")
    assert changed.work_dir == context.work_dir


def test_an_engine_is_launched_with_it(
    fake_launcher: Callable[..., Launcher],
    fake_model: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: Callable[[Server], Server],
    tmp_path: Path,
) -> None:
    other = tmp_path / "other.gguf"
    other.write_bytes(fake_model.read_bytes())
    candidate = Candidate({"parallel": 1, "model": str(other)})
    server = stop_later(launch(fake_launcher(), candidate, launch_context(fake_model)))
    assert str(other) in server.spec.argv
    assert str(fake_model) not in server.spec.argv
