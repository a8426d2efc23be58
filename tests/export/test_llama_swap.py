"""A llama-swap configuration, split as llama-swap splits it."""

from __future__ import annotations

import shlex
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.export.llama_swap import render_llama_swap
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.options import ExportOptions
from autotune.export.verify.llama_swap_rules import split_command

NAMED = ExportOptions(name="fast")


def model_of(text: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(text)["models"]["fast"]
    return found


def test_the_command_listens_where_llama_swap_says(llama: ExportConfig) -> None:
    model = model_of(render_llama_swap(llama, NAMED))
    words = shlex.split(model["cmd"])
    assert words[:3] == ["/opt/llama-server", "--model", "/models/it's tiny.gguf"]
    assert words[-2:] == ["--port", "${PORT}"]
    assert words.count("--port") == 1
    assert model["proxy"] == "http://127.0.0.1:${PORT}"
    assert model["checkEndpoint"] == "/health"
    assert model["env"] == [f"CUDA_VISIBLE_DEVICES={llama.env['CUDA_VISIBLE_DEVICES']}"]
    assert "useModelName" not in model
    assert model["description"].startswith("autotune study demo, trial 7: 1.36x")


def test_vllm_is_asked_by_the_name_that_it_serves(vllm: ExportConfig) -> None:
    model = model_of(render_llama_swap(vllm, NAMED))
    assert model["useModelName"] == "/models/tiny model"
    assert "VLLM_CPU_KVCACHE_SPACE=4" in model["env"]
    assert shlex.split(model["cmd"])[:3] == ["/opt/vllm", "serve", "/models/tiny model"]


@pytest.mark.parametrize(
    ("argv", "env", "message"),
    [
        (["llama-server", "--alias", "a${b}"], {}, r"cannot be given 'a\$\{b\}'"),
        (["llama-server", "--alias", "a\nb"], {}, "cannot be given"),
        (["llama-server"], {"lower": "x"}, "no variable named lower"),
    ],
)
def test_what_it_cannot_say_is_refused(
    llama: ExportConfig, argv: list[str], env: dict[str, str], message: str
) -> None:
    with pytest.raises(UserError, match=message):
        render_llama_swap(replace(llama, argv=tuple(argv), env=env), NAMED)


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_any_value_is_read_back_or_refused(value: str) -> None:
    argv = ("llama-server", f"--alias={value}", "--slots")
    try:
        text = render_llama_swap(ExportConfig({}, {}, argv, {}, ExportProvenance("s")), NAMED)
    except UserError:
        return
    assert split_command(model_of(text)["cmd"]) == [*argv, "--port", "${PORT}"]
