"""The spaces of SGLang, oMLX and ds4, against the flags that their launchers and fakes take."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from engine_program import make_program

from autotune.candidate import Candidate, Setting
from autotune.launchers.ds4 import Ds4Launcher
from autotune.launchers.omlx import APPLE_SILICON, OmlxLauncher
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext, Launcher, Server
from autotune.launchers.settings_check import differences
from autotune.launchers.sglang import SglangLauncher
from autotune.launchers.spelling import spelling_of
from autotune.search.build_fit import Fitted, fit_to_build
from autotune.search.space import Space, to_settings
from autotune.search.space_file import build_space, shipped_space

SYMBOLS: dict[str, Setting] = {
    "context-needed": 4096,
    "context-roomy": 8192,
    "context-default": 16384,
}
NEWER = {"batched-session", "mixed-prefill-quantum"}
"""Flags of ds4-server that the fake, which is of May 2026, does not have."""


def space_of(engine: str) -> Space:
    return build_space(
        shipped_space(engine),
        None,
        SYMBOLS,
        pins={},
        allow_quality_change=True,
        rolling_state=True,
    )


@pytest.fixture(params=["sglang", "omlx", "ds4"])
def launcher(request: pytest.FixtureRequest, tmp_path: Path) -> Launcher:
    """Each of the three, of a fake."""
    bin_dir = tmp_path / "bin"
    if request.param == "sglang":
        return SglangLauncher(make_program(bin_dir, "sglang", "fake_sglang.py"))
    if request.param == "omlx":
        program = make_program(bin_dir, "omlx", "fake_omlx.py")
        return OmlxLauncher(program, here=APPLE_SILICON)
    return Ds4Launcher(make_program(bin_dir, "ds4-server", "fake_ds4.py"))


@pytest.fixture
def model(fake_model: Path, launcher: Launcher, tmp_path: Path) -> Path:
    """A file for ds4, a folder for the others."""
    if launcher.name == "ds4":
        return fake_model
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "config.json").write_text("{}", encoding="utf-8")
    return folder


def fitted(launcher: Launcher) -> Fitted:
    build = launcher.detect()
    space = space_of(launcher.name)
    return fit_to_build(space, lambda n, v: spelling_of(launcher, build, n, v), pins={})


def test_every_parameter_is_a_setting_of_the_engine(launcher: Launcher) -> None:
    space = space_of(launcher.name)
    cut = fitted(launcher).space
    lost = {*space.names, *space.fixed} - {*cut.names, *cut.fixed}
    assert lost == (NEWER if launcher.name == "ds4" else set())
    assert {s.name for s in space.starts} - {s.name for s in cut.starts} == (
        {"two conversations in memory"} if launcher.name == "ds4" else set()
    )


def test_every_start_is_a_command(
    launcher: Launcher, model: Path, launch_context: Callable[..., LaunchContext]
) -> None:
    space = fitted(launcher).space
    for start in space.starts:
        values = {**space.defaults, **start.settings}
        spec = launcher.command(Candidate(to_settings(space, values)), launch_context(model))
        assert spec.argv


def test_the_defaults_run_as_asked(
    launcher: Launcher,
    model: Path,
    launch_context: Callable[..., LaunchContext],
    stop_later: Callable[[Server], Server],
) -> None:
    space = fitted(launcher).space
    context = launch_context(model, start_timeout_s=20.0)
    server = stop_later(launch(launcher, Candidate(to_settings(space, space.defaults)), context))
    assert differences(server.spec.asked, launcher.effective(server)) == ()
    assert set(server.spec.asked) <= {*launcher.effective(server), "quality", "warm-weights"}


def test_what_sglang_decides_by_itself_is_not_stated() -> None:
    """The defaults of its space name only what is the same on every GPU."""
    space = space_of("sglang")
    launcher = SglangLauncher()
    context = LaunchContext(Path("/m"), Path("/w"), Path("/w/log"), "t", port=1)
    asked = launcher.command(Candidate(to_settings(space, space.defaults)), context).asked
    assert "mem-fraction-static" not in asked
    assert "chunked-prefill-size" not in asked
    assert asked["schedule-policy"] == "fcfs"
    assert asked["context-length"] == 16384


def test_drafts_go_without_what_they_exclude() -> None:
    """SGLang switches mixed chunks and the overlap off by itself when it drafts."""
    space = space_of("sglang")
    drafting = to_settings(space, {**space.defaults, "speculative-algorithm": "NGRAM"})
    assert drafting["speculative-num-draft-tokens"] == 12
    assert not {"enable-mixed-chunk", "disable-overlap-schedule"} & set(drafting)


def test_settings_of_a_cache_go_with_it() -> None:
    omlx, ds4 = space_of("omlx"), space_of("ds4")
    assert "hot-cache-write-through" not in to_settings(omlx, omlx.defaults)
    nothing = to_settings(ds4, {**ds4.defaults, "kv-disk-space-mb": 0})
    assert not any(name.startswith("kv-cache") for name in nothing)
