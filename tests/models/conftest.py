"""Small GGUF files, written by the ``gguf`` package: the oracle for our own reader."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from autotune.models.metadata import ModelInfo, read_model

WriteGguf = Callable[..., Path]

GEMMA3_270M = {
    "block_count": 18,
    "feed_forward_length": 2048,
    "context_length": 32768,
    "embedding_length": 640,
    "attention.head_count": 4,
    "attention.head_count_kv": 1,
    "attention.key_length": 256,
    "attention.value_length": 256,
    "attention.sliding_window": 512,
}
SMOLLM2_135M = {
    "block_count": 30,
    "feed_forward_length": 1536,
    "context_length": 8192,
    "embedding_length": 576,
    "attention.head_count": 9,
    "attention.head_count_kv": 3,
}


@pytest.fixture
def write_gguf(tmp_path: Path) -> WriteGguf:
    """``write_gguf(architecture, keys, tensors={name: shape}, name="m.gguf") -> Path``."""

    def write(
        architecture: str,
        keys: Mapping[str, Any],
        *,
        plain: Mapping[str, Any] | None = None,
        tensors: Mapping[str, Sequence[int]] | None = None,
        name: str = "m.gguf",
    ) -> Path:
        return _write(tmp_path / name, architecture, keys, plain or {}, tensors or {})

    return write


def _write(
    path: Path,
    architecture: str,
    keys: Mapping[str, Any],
    plain: Mapping[str, Any],
    tensors: Mapping[str, Sequence[int]],
) -> Path:
    import gguf
    import numpy as np

    writer = gguf.GGUFWriter(path, architecture)
    for key, value in {**{f"{architecture}.{k}": v for k, v in keys.items()}, **plain}.items():
        _add(writer, key, value)
    for tensor, shape in tensors.items():
        writer.add_tensor(tensor, np.zeros(shape, dtype=np.float16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def _add(writer: Any, key: str, value: Any) -> None:
    add = {bool: writer.add_bool, int: writer.add_uint32, float: writer.add_float32}
    if isinstance(value, str):
        writer.add_string(key, value)
    elif isinstance(value, (list, tuple)):
        writer.add_array(key, value)
    else:
        add[type(value)](key, value)


@pytest.fixture
def llama_keys() -> dict[str, Any]:
    """Two layers, 4 heads of 8, 2 KV heads."""
    return {
        "block_count": 2,
        "context_length": 4096,
        "embedding_length": 32,
        "attention.head_count": 4,
        "attention.head_count_kv": 2,
    }


@pytest.fixture
def gemma(write_gguf: WriteGguf) -> ModelInfo:
    return read_model(write_gguf("gemma3", GEMMA3_270M, name="gemma.gguf"))


@pytest.fixture
def smol(write_gguf: WriteGguf) -> ModelInfo:
    return read_model(write_gguf("llama", SMOLLM2_135M, name="smol.gguf"))
