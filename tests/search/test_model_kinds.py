"""Files for some engines, folders for others, and the plan that comes of either."""

from __future__ import annotations

from pathlib import Path

import pytest
from hf_folder import write_config

from autotune.errors import UserError
from autotune.search.describe import describe
from autotune.search.request import RunRequest
from autotune.workload.synthesize import SynthesisSpec, synthesize
from autotune.workload.writer import write_capture


@pytest.fixture
def workload(tmp_path: Path) -> Path:
    path = tmp_path / "wl.jsonl"
    spec = SynthesisSpec(sessions=2, turns=2, start_depth=800, depth=1000, reply_tokens=16)
    write_capture(synthesize(spec), path)
    return path


def request(engine: str, model: Path, workload: Path) -> RunRequest:
    return RunRequest(
        workload=workload, gpu="3090", engine=engine, model=model, dry_run=True, assume_gpu=True,
        studies_dir=workload.parent / "studies",
    )  # fmt: skip


@pytest.mark.parametrize("engine", ["vllm", "sglang"])
def test_a_folder_is_planned_for(tmp_path: Path, workload: Path, engine: str) -> None:
    folder = write_config(tmp_path / "Tiny-2.5-7B", max_position_embeddings=32768)
    dry = describe(request(engine, folder, workload))
    assert dry.config["study"] == f"tiny-2.5-7b-{engine}-nvidia-geforce-rtx-3090"
    assert str(folder) in dry.argv
    assert dry.largest_context == 32768


def test_a_folder_that_leaves_no_room_gets_the_context_it_needs(
    tmp_path: Path, workload: Path
) -> None:
    """80 layers x 2 x 8 heads x 128 x 2 bytes = 320 KiB a token: 131072 tokens are 40 GiB."""
    shape = {"num_hidden_layers": 80, "num_attention_heads": 64, "num_key_value_heads": 8}
    wide = {"head_dim": 128, "hidden_size": 64, "max_position_embeddings": 131072}
    folder = write_config(tmp_path / "wide", **shape, **wide)
    dry = describe(request("vllm", folder, workload))
    default = next(row.default for row in dry.space if row.name == "max-model-len")
    assert isinstance(default, int)
    assert 1000 < default < 4096
    # 24 GiB x 0.92 less the weights
    assert dry.largest_context is not None
    assert 70_000 < dry.largest_context < 73_000


@pytest.mark.parametrize(
    ("engine", "folder", "words"),
    [("vllm", False, "vllm serves a Hugging Face folder"), ("llama-server", True, "a GGUF file")],
)
def test_the_wrong_kind_is_refused(
    tmp_path: Path, fake_model: Path, workload: Path, engine: str, folder: bool, words: str
) -> None:
    model = write_config(tmp_path / "hf") if folder else fake_model
    with pytest.raises(UserError, match=words) as error:
        describe(request(engine, model, workload))
    assert error.value.hint


def test_what_is_not_there_is_refused(tmp_path: Path, workload: Path) -> None:
    with pytest.raises(UserError, match="there is no model at"):
        describe(request("vllm", tmp_path / "nowhere", workload))
