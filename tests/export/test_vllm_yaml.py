"""vLLM's config file, turned into arguments as vLLM 0.32 does."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.export.model import ExportConfig, ExportProvenance
from autotune.export.vllm_yaml import render_vllm_yaml


def arguments(text: str) -> list[str]:
    """What ``--config`` becomes, for a build that has every ``--no-`` form."""
    found: list[str] = []
    for key, value in yaml.safe_load(text).items():
        if isinstance(value, bool):
            found.append(f"--{key}" if value else f"--no-{key}")
        elif isinstance(value, list):
            found += [f"--{key}", *map(str, value)]
        else:
            told = json.dumps(value) if isinstance(value, dict) else str(value)
            found += [f"--{key}", told]
    return found


def test_the_arguments_are_those_of_the_command(vllm: ExportConfig) -> None:
    text = render_vllm_yaml(vllm)
    # Words of the command after: env, variable, program, serve, model.
    assert arguments(text) == ["--model", "/models/tiny model", *vllm.argv[5:]]


def test_the_file_is_read_by_people_too(vllm: ExportConfig) -> None:
    data: dict[str, Any] = yaml.safe_load(render_vllm_yaml(vllm))
    assert data["max-num-seqs"] == 4
    assert data["gpu-memory-utilization"] == "0.90"
    assert data["enable-prefix-caching"] is False
    assert data["speculative-config"] == {"method": "ngram", "num_speculative_tokens": 3}
    assert None not in data.values()


def test_variables_have_no_place_in_it_and_are_named(vllm: ExportConfig) -> None:
    text = render_vllm_yaml(vllm)
    assert "VLLM_CPU_KVCACHE_SPACE=4 vllm serve --config FILE" in text
    assert "VLLM_CPU_KVCACHE_SPACE" not in yaml.safe_load(text)


def test_a_short_flag_is_refused(vllm: ExportConfig) -> None:
    with pytest.raises(UserError, match="no key for -O3"):
        render_vllm_yaml(replace(vllm, argv=("/opt/vllm", "serve", "/m", "-O3")))


@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=20))
def test_any_value_is_read_back(value: str) -> None:
    argv = ("/opt/vllm", "serve", "/m", f"--quantization={value}")
    text = render_vllm_yaml(ExportConfig({}, {}, argv, {}, ExportProvenance("s\x07\x85")))
    assert arguments(text)[-1] == value or json.loads(value) == json.loads(arguments(text)[-1])
