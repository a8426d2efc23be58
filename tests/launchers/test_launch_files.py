"""Files that an engine reads its settings from are there before it starts, and only with us."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from autotune.launchers.process import start
from autotune.launchers.protocol import LaunchContext, LaunchSpec

PRINT = "import pathlib, sys; print(pathlib.Path(sys.argv[1]).read_text())"


def test_a_file_is_written_before_the_engine_starts(
    launch_context: Callable[..., LaunchContext],
) -> None:
    context = launch_context(Path("/m"))
    path = context.work_dir / "base" / "settings.json"
    spec = LaunchSpec(
        argv=(sys.executable, "-c", PRINT, str(path)),
        env={},
        cwd=context.work_dir,
        files={path: '{"é": 1}'},
    )
    assert start(spec, context).wait(20.0) == 0
    assert context.log_path.read_text(encoding="utf-8") == '{"é": 1}\n'


def test_a_file_elsewhere_is_refused(
    launch_context: Callable[..., LaunchContext], tmp_path: Path
) -> None:
    context = launch_context(Path("/m"))
    elsewhere = context.work_dir / ".." / "settings.json"
    spec = LaunchSpec((sys.executable,), {}, context.work_dir, files={elsewhere: "{}"})
    with pytest.raises(ValueError, match="is not in"):
        start(spec, context)
    assert not elsewhere.resolve().exists()
