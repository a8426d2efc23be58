"""A manifest as tuned: it is read as a manifest, and launches with the settings."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from autotune.candidate import Candidate
from autotune.errors import UserError
from autotune.export.manifest import render_manifest
from autotune.launchers.manifest import read_manifest
from autotune.launchers.protocol import LaunchContext
from autotune.launchers.registry import make_launcher


def test_the_settings_are_stated_on_every_launch(
    fake_engine_manifest: Callable[..., Path], made: Any, tmp_path: Path
) -> None:
    source = fake_engine_manifest(search_space="mine.toml", flags={"names": {"threads": "t"}})
    config = made(str(source), ["/x"], {"threads": 2, "kv-unified": False, "model": "/m"})
    tuned = tmp_path / "elsewhere" / "engine.toml"
    tuned.parent.mkdir()
    tuned.write_text(render_manifest(config))
    assert tuned.read_text().startswith("# Written by autotune")
    told, before = read_manifest(tuned), read_manifest(source)
    assert told.command.always == {"threads": 2, "kv-unified": False}
    assert told.search_space == str(source.parent / "mine.toml")
    assert told.model_copy(update={"command": None, "search_space": None}) == before.model_copy(
        update={"command": None, "search_space": None}
    )
    context = LaunchContext(Path("/m"), tmp_path, tmp_path / "log", "t", port=1)
    argv = make_launcher(str(tuned)).command(Candidate({}), context).argv
    assert [w for w in argv if w in ("--t", "2", "--no-kv-unified")] == [
        "--t",
        "2",
        "--no-kv-unified",
    ]


def test_the_manifests_own_folder_stays_where_it_is(
    fake_engine_manifest: Callable[..., Path], made: Any
) -> None:
    source = fake_engine_manifest(export={"argv": ["{manifest_dir}/run", "{settings}"]})
    text = render_manifest(made(str(source), ["/x"], {}))
    assert f'"{source.parent}/run"' in text


def test_an_engine_without_a_manifest_is_refused(llama: Any) -> None:
    with pytest.raises(UserError, match="is not described by a manifest"):
        render_manifest(llama)
    nobody = replace(llama, provenance=replace(llama.provenance, engine=None))
    with pytest.raises(UserError, match="does not say which engine"):
        render_manifest(nobody)


def test_its_variables_stay_and_its_secrets_are_handed_through(
    fake_engine_manifest: Callable[..., Path], made: Any, tmp_path: Path
) -> None:
    env = {"MINE_MODE": "fast", "MINE_HOME": "{manifest_dir}/x", "MINE_TOKEN": "abc"}
    source = fake_engine_manifest(command={"env": env, "inherit": ["MINE_LICENSE"]})
    (tuned := tmp_path / "engine.toml").write_text(render_manifest(made(str(source), ["/x"], {})))
    told = read_manifest(tuned).command
    assert told.env == {"MINE_MODE": "fast", "MINE_HOME": f"{source.parent}/x"}
    assert told.inherit == ["MINE_LICENSE", "MINE_TOKEN"]
