"""The environment file: what systemd, docker and compose would all take from it."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.export.env_file import render_env_file
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.verify.starting import read_env_file


def test_every_flag_is_a_variable_or_an_argument(llama: ExportConfig) -> None:
    text = render_env_file(
        replace(llama, argv=("/opt/x", *llama.argv[1:2], "/m.gguf", *llama.argv[3:]))
    )
    assert read_env_file(text) == {
        "CUDA_VISIBLE_DEVICES": llama.env["CUDA_VISIBLE_DEVICES"],
        "LLAMA_ARG_MODEL": "/m.gguf",
        "LLAMA_ARG_HOST": "127.0.0.1",
        "LLAMA_ARG_PORT": "8080",
        "LLAMA_ARG_FIT": "off",
        "LLAMA_ARG_ENDPOINT_SLOTS": "true",
        "LLAMA_ARG_CONTEXT_SHIFT": "false",
        "LLAMA_ARG_BATCH": "512",
        "LLAMA_ARG_KV_UNIFIED": "false",
        "LLAMA_EXTRA_ARGS": "--poll 7",
    }
    assert text.startswith("# Written by autotune")
    assert "# Start it with: /opt/x $LLAMA_EXTRA_ARGS" in text


def test_the_comment_of_a_config_without_extras_names_none(llama: ExportConfig) -> None:
    text = render_env_file(replace(llama, argv=("llama-server", "--fit", "off")))
    assert "LLAMA_EXTRA_ARGS" not in text


@pytest.mark.parametrize("value", ["a'b", "a$b", "a\nb", " a", "a ", "a #b", "#a", 'a"b', "a\\"])
def test_what_readers_take_differently_is_refused(llama: ExportConfig, value: str) -> None:
    with pytest.raises(UserError, match="its readers differ on quotes") as caught:
        render_env_file(replace(llama, argv=("llama-server", "--model", value)))
    assert "--format shell" in caught.value.hint


def test_an_argument_with_a_blank_is_refused(llama: ExportConfig) -> None:
    with pytest.raises(UserError, match="split at blanks"):
        render_env_file(replace(llama, argv=("llama-server", "--lora", "/my model")))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20))
def test_a_value_is_read_back_or_refused(value: str) -> None:
    config = ExportConfig({}, {}, ("llama-server", f"--model={value}"), {}, ExportProvenance("s"))
    try:
        text = render_env_file(config)
    except UserError:
        return
    assert read_env_file(text) == {"LLAMA_ARG_MODEL": value}
