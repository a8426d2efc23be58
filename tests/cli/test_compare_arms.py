"""From words to engines and endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from autotune.cli.compare_arms import ArmsAsked, resolve_arms
from autotune.compare.grammar import parse_arms
from autotune.compare.request import CompareArm
from autotune.errors import UserError
from autotune.launchers.protocol import CacheArm
from autotune.search.contest.request import EVERY_ENGINE, EngineWords


def resolve(
    tmp_path: Path,
    *texts: str,
    engine: str = "auto",
    models: Mapping[str, Path] | None = None,
    **more: Any,
) -> tuple[CompareArm, ...]:
    words = EngineWords(engines=(engine,), models=models or {})
    fields: dict[str, Any] = {"env": {}, "studies_dir": tmp_path / "studies", **more}
    return resolve_arms(parse_arms(texts), ArmsAsked(engine=engine, words=words, **fields))


def test_default_runs_on_what_was_named(tmp_path: Path) -> None:
    models = {EVERY_ENGINE: tmp_path / "m.gguf"}
    on, off = resolve(tmp_path, "cache=on", "cache=off", engine="reference", models=models)
    assert on.launched is not None
    assert (on.launched.engine, on.launched.model) == ("reference", tmp_path / "m.gguf")
    assert (on.defaults, on.cache, off.cache) == (True, CacheArm.ON, CacheArm.OFF)


def test_default_beside_a_study_runs_on_that_studys_engine(study: Path, tmp_path: Path) -> None:
    base, tuned = resolve(tmp_path, "default", "demo")
    assert base.launched is not None
    assert tuned.launched is not None
    assert base.launched.engine == tuned.launched.engine == "llama-server"
    assert base.launched.model == tuned.launched.model == Path("/models/tiny.gguf")
    assert (base.defaults, tuned.defaults) == (True, False)
    assert tuned.launched.settings["batch-size"] == 512
    assert (tuned.name, tuned.launched.origin) == ("demo", "study demo")


def test_trials_of_a_study_and_its_winner(with_trials: Path, tmp_path: Path) -> None:
    first, best, other = resolve(tmp_path, "demo#0", "demo:best", "demo#1,cache=off")
    paths = [arm.launched for arm in (first, best, other)]
    assert [p.settings["batch-size"] for p in paths if p is not None] == [2048, 512, 512]
    assert other.cache is CacheArm.OFF
    with pytest.raises(UserError, match="has no score"):
        resolve(tmp_path, "demo#0", "demo#2")
    with pytest.raises(UserError, match="has no trial 9"):
        resolve(tmp_path, "demo#0", "demo#9")


def test_an_exported_file_and_a_model_named_instead(study: Path, tmp_path: Path) -> None:
    from autotune.export.from_study import winner_config
    from autotune.export.json_config import render_json
    from autotune.study.folder import StudyFolder

    file, model = tmp_path / "c.json", tmp_path / "m.gguf"
    file.write_text(render_json(winner_config(StudyFolder(study))))
    model.write_text("")
    assert json.loads(file.read_text())["schema_version"] == "export/1"
    (arm, _) = resolve(tmp_path, str(file), "default", models={EVERY_ENGINE: model})
    assert arm.launched is not None
    assert (arm.launched.model, arm.launched.settings["ubatch-size"]) == (model, 512)
    assert arm.name == str(file)


def test_an_endpoint_with_its_key(tmp_path: Path) -> None:
    models = {EVERY_ENGINE: tmp_path / "m.gguf"}
    near, far = resolve(
        tmp_path,
        "http://127.0.0.1:1",
        "https://api.openai.com",
        env={"OPENAI_API_KEY": "sk-1"},
        endpoint_model="gpt",
        models=models,
        max_cost_usd=2.0,
    )
    assert near.attached is not None
    assert far.attached is not None
    assert (far.attached.key, far.attached.model, far.attached.max_cost_usd) == ("sk-1", "gpt", 2.0)
    assert (near.attached.key, near.name) == (None, "http://127.0.0.1:1")
    with pytest.raises(UserError, match="wants a key"):
        resolve(tmp_path, "default", "https://api.openai.com", models=models)
    with pytest.raises(UserError, match="not ours to switch"):
        resolve(tmp_path, "default", "http://127.0.0.1:1,cache=off", models=models)


def test_a_study_that_is_not_there(study: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError) as caught:
        resolve(tmp_path, "dmeo", "default")
    assert caught.value.hint == "did you mean demo?"
