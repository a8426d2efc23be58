"""An engine that somebody else started, asked in its launcher's words."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from nightly_site import config

from autotune.candidate import Candidate
from autotune.launchers.process import launch
from autotune.launchers.protocol import LaunchContext
from autotune.launchers.registry import make_launcher
from autotune.nightly.serving_engine import EngineSays, NotOurs, engine_says


def test_an_engine_by_a_manifest_tells_its_settings(
    fake_engine_manifest: Callable[..., Path],
    fake_model: Path,
    launch_context: Callable[..., LaunchContext],
) -> None:
    manifest = fake_engine_manifest()
    launcher = make_launcher(str(manifest))
    server = launch(launcher, Candidate({"ubatch-size": 256}), launch_context(fake_model))
    try:
        exported = config(engine=str(manifest), model=str(fake_model))
        says = engine_says(exported, server.base_url)
        assert says.own_model
        assert says.settings["ubatch-size"] == 256

        other = config(engine=str(manifest), model="/models/other.gguf")
        says = engine_says(other, server.base_url)
        assert (says.own_model, dict(says.settings)) == (False, {})
        assert says.other_model is not None
        assert str(fake_model) in says.other_model
    finally:
        launcher.stop(server)


@pytest.mark.parametrize("engine", ["llama-server", "vllm", "sglang", "reference", "ds4", "omlx"])
def test_nobody_there_tells_nothing(engine: str) -> None:
    assert engine_says(config(engine=engine), "http://127.0.0.1:9") == EngineSays()


def test_where_nothing_can_be_asked_nothing_is() -> None:
    unknown = config(engine="no-such-engine")
    assert engine_says(unknown, "http://127.0.0.1:9") == EngineSays()
    assert engine_says(config(), "https://127.0.0.1:9") == EngineSays()
    modelless = replace(config(model=None), full_settings={})
    assert engine_says(modelless, "http://127.0.0.1:9") == EngineSays()


def test_a_process_that_is_not_ours_is_never_waited_for() -> None:
    process = NotOurs()
    assert process.returncode is None
    del process
