"""What is shown to others: figures as measured, and nothing of this machine."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from autotune.export.model import ExportConfig
from autotune.export.share import quantization, render_share


def shared(config: ExportConfig, **facts: Any) -> dict[str, Any]:
    config = replace(config, provenance=replace(config.provenance, **facts))
    found: dict[str, Any] = json.loads(render_share(config))
    return found


def test_figures_hardware_and_what_is_left_to_fill(llama: ExportConfig) -> None:
    after = {"ttft_p50_s": 1.23456, "decode_p50_tps": 33.3333}
    document = shared(llama, model="/home/me/my models/Tiny-Q4_K_M.gguf", after=after)
    assert list(document) == ["provenance", "benchmark", "to_fill"]
    told = document["benchmark"]
    assert (told["ttftMs"], told["tokSOut"], told["quantization"]) == (1234.6, 33.33, "Q4_K_M")
    assert told["hardware"] == {"hwClass": "DISCRETE_GPU", "gpuName": "A Processor", "gpuCount": 1}
    assert told["engineName"] == "llama.cpp"
    assert told["engineFlags"]["batch-size"] == 512
    assert document["to_fill"] == ["hfId"]
    assert "prefix cache" in told["notes"]


def test_nothing_of_this_machine_is_in_it(llama: ExportConfig) -> None:
    settings = {"spec-draft-model": "/home/me/secret/d.gguf"}
    config = replace(llama, settings=settings, full_settings=settings)
    config = replace(config, argv=(*llama.argv, "--spec-draft-model", "/home/me/secret/d.gguf"))
    text = json.dumps(shared(config, model="/home/me/my models/t.gguf", engine="/home/me/e.toml"))
    assert "/home" not in text
    assert "secret" not in text
    assert llama.env["CUDA_VISIBLE_DEVICES"] not in text
    assert "--spec-draft-model d.gguf" in text


def test_what_is_not_known_is_null(made: Any) -> None:
    config = made("mine", ["/x"], gpu=None)
    told = shared(config, after=None)
    assert told["to_fill"] == ["hfId", "quantization", "tokSOut"]
    assert told["benchmark"]["hardware"]["hwClass"] == "UNIFIED"
    assert shared(made("mine", ["/x"]))["benchmark"]["hardware"] == {
        "hwClass": "CPU_ONLY",
        "cpu": "A Processor",
    }


@pytest.mark.parametrize(
    ("model", "found"),
    [
        ("/m/SmolLM2-135M-Instruct.Q4_1.gguf", "Q4_1"),
        ("/m/gpt-oss-20b-mxfp4.gguf", "MXFP4"),
        ("/m/Qwen3-UD-IQ3_XXS.gguf", "UD-IQ3_XXS"),
        ("/m/Llama-3-AWQ", "AWQ"),
        ("/m/Q4things.gguf", None),
        (None, None),
    ],
)
def test_the_weights_format_by_the_files_name(model: str | None, found: str | None) -> None:
    assert quantization(model) == found
