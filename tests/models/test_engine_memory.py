from __future__ import annotations

from pathlib import Path

import pytest
from hf_folder import write_config

from autotune.models.engine_memory import UNKNOWN, memory_model
from autotune.models.estimate import GIB, Limits, size_text
from autotune.models.metadata import ModelKind, read_model
from autotune.search.space_file import shipped_space


@pytest.mark.parametrize("engine", ["llama-server", "vllm", "sglang"])
def test_flags_are_those_of_the_shipped_space(engine: str) -> None:
    order, space = memory_model(engine).order, shipped_space(engine)
    compared = [*order.grows, *order.host, *order.sizes, *order.device, *order.extras]
    assert set(compared) <= set(space.parameters)
    assert not set(compared) & order.harmless
    assert len(set(compared)) == len(compared)
    contexts = [n for n, p in space.parameters.items() if p.concept == "context length"]
    assert set(contexts) <= set(order.grows)


@pytest.mark.parametrize("engine", ["llama-server", "vllm", "sglang"])
def test_words_are_choices_of_the_shipped_space(engine: str) -> None:
    space = shipped_space(engine).parameters
    for name, sizes in memory_model(engine).order.sizes.items():
        assert {str(c).lower() for c in space[name].choices} & set(sizes), name
    for name, (off, prefixes) in memory_model(engine).order.extras.items():
        assert off in space[name].choices
        assert any(other.startswith(prefixes) for other in space if other != name)


def test_an_unknown_engine_refuses_nothing(fake_model: Path, tmp_path: Path) -> None:
    assert memory_model("mine") is UNKNOWN
    for model in (read_model(fake_model), read_model(write_config(tmp_path / "hf"))):
        assert UNKNOWN.estimate(model, {}, True, None) is None
        assert UNKNOWN.shortage(model, {}, Limits(1, 1), True, None) is None


def test_kinds() -> None:
    assert memory_model("llama-server").kind is ModelKind.GGUF
    assert memory_model("vllm").kind is memory_model("sglang").kind is ModelKind.HUGGINGFACE


def test_sizes_in_words() -> None:
    assert (size_text(3 * GIB // 2), size_text(GIB // 2)) == ("1.5 GiB", "512 MiB")
