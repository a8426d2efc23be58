from __future__ import annotations

from pathlib import Path

import pytest
from hf_folder import write_config

from autotune.errors import UserError
from autotune.models.metadata import read_model
from autotune.models.served import check_kind


def test_engines_serve_their_kind_of_model(fake_model: Path, tmp_path: Path) -> None:
    gguf, folder = read_model(fake_model), read_model(write_config(tmp_path / "hf"))
    serves = {"llama-server": gguf, "ds4": gguf, "vllm": folder, "sglang": folder, "omlx": folder}
    for engine, model in serves.items():
        check_kind(engine, model)
    for model in (gguf, folder):
        check_kind("an-in-house-engine", model)
    with pytest.raises(UserError, match="vllm serves a Hugging Face folder") as error:
        check_kind("vllm", gguf)
    assert "config.json" in error.value.hint
    with pytest.raises(UserError, match="llama-server serves a GGUF file") as error:
        check_kind("llama-server", folder)
    assert ".gguf" in error.value.hint
    with pytest.raises(UserError, match="omlx serves a Hugging Face folder"):
        check_kind("omlx", gguf)
    with pytest.raises(UserError, match="ds4 serves a GGUF file"):
        check_kind("ds4", folder)
