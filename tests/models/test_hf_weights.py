from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest
from hf_folder import write_safetensors

from autotune.errors import UserError
from autotune.models.hf_weights import INDEX_FILE, read_weights
from autotune.models.safetensors import read_safetensors


def test_no_weights_are_unknown_and_not_zero(tmp_path: Path) -> None:
    weights = read_weights(tmp_path)
    assert weights.files == ()
    assert weights.size_bytes is None
    assert weights.n_elements is None
    assert weights.has_output_layer is None


def test_sharded_weights(tmp_path: Path) -> None:
    one = write_safetensors(tmp_path / "model-1.safetensors", {"a": ("BF16", (2, 3))})
    two = write_safetensors(tmp_path / "model-2.safetensors", {"lm_head.weight": ("F32", (5,))})
    write_safetensors(tmp_path / "adapter.safetensors", {"x": ("F32", (100,))})
    index = {"weight_map": {"a": one.name, "lm_head.weight": two.name}}
    (tmp_path / INDEX_FILE).write_text(json.dumps(index))
    weights = read_weights(tmp_path)
    assert weights.files == (one, two)
    assert (weights.size_bytes, weights.n_elements) == (12 + 20, 11)
    assert weights.main_dtype == "F32"
    assert weights.has_output_layer
    two.unlink()
    with pytest.raises(UserError, match=r"lacks 1 of 2 weight files, e\.g\. model-2"):
        read_weights(tmp_path)
    one.unlink()
    assert read_weights(tmp_path).size_bytes is None


def test_a_second_copy_is_not_counted(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "consolidated.safetensors", {"a": ("BF16", (8,))})
    assert read_weights(tmp_path).size_bytes == 16
    write_safetensors(tmp_path / "model.safetensors", {"a": ("BF16", (8,))})
    assert read_weights(tmp_path).size_bytes == 16


def test_packed_weights_have_no_count(tmp_path: Path) -> None:
    write_safetensors(tmp_path / "m.safetensors", {"q": ("I32", (4,)), "s": ("F16", (1,))})
    weights = read_weights(tmp_path)
    assert (weights.size_bytes, weights.n_elements) == (18, None)


def test_pickled_weights_are_sized_by_their_files(tmp_path: Path) -> None:
    (tmp_path / "pytorch_model.bin").write_bytes(bytes(100))
    (tmp_path / "training_args.bin").write_bytes(bytes(5))
    assert read_weights(tmp_path).size_bytes == 100


@pytest.mark.parametrize("index", [{}, {"weight_map": {"a": "../elsewhere.safetensors"}}])
def test_a_damaged_index(tmp_path: Path, index: dict[str, object]) -> None:
    (tmp_path / INDEX_FILE).write_text(json.dumps(index))
    with pytest.raises(UserError) as error:
        read_weights(tmp_path)
    assert error.value.hint


def test_a_header_alone_is_read(tmp_path: Path) -> None:
    path = write_safetensors(tmp_path / "m.safetensors", {"a": ("F16", (2, 2)), "b": ("U8", ())})
    a, b = read_safetensors(path)
    assert (a.name, a.dtype, a.shape, a.size_bytes, a.n_elements) == ("a", "F16", (2, 2), 8, 4)
    assert (b.size_bytes, b.n_elements) == (1, 1)


def bytes_of(header: object) -> bytes:
    text = json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "damaged"),
        (b"1234567", "damaged"),
        (struct.pack("<Q", 1 << 40) + b"{}", "damaged"),
        (struct.pack("<Q", 2) + b"{", "damaged"),
        (struct.pack("<Q", 2) + b"[]", "damaged"),
        (struct.pack("<Q", 2) + b"xx", "damaged"),
        (bytes_of({"a": {"dtype": "F16", "shape": [1]}}), "damaged"),
        (bytes_of({"a": {"data_offsets": [0, "x"]}}), "damaged"),
        (bytes_of({"a": {"dtype": "F16", "shape": 3, "data_offsets": [0, 0]}}), "damaged"),
        (bytes_of({"a": {"dtype": "F16", "shape": [1], "data_offsets": [0, 2]}}), "0 of 2 bytes"),
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS"),
    ],
)
def test_damaged_files(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.safetensors"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_safetensors(path)
    assert error.value.hint
