from __future__ import annotations

import struct
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.models.ggml_types import CACHE_TYPES, FILE_TYPES, TENSOR_TYPES
from autotune.models.gguf import SkippedArray, read_gguf


def oracle(path: Path) -> tuple[dict[str, Any], dict[str, tuple[tuple[int, ...], int]]]:
    import gguf

    reader = gguf.GGUFReader(path)
    keys = {k: f.contents() for k, f in reader.fields.items() if not k.startswith("GGUF.")}
    tensors = {t.name: (tuple(int(n) for n in t.shape), int(t.data_offset)) for t in reader.tensors}
    return keys, tensors


def test_reads_what_the_gguf_package_reads(
    write_gguf: Callable[..., Path], llama_keys: dict[str, Any]
) -> None:
    path = write_gguf(
        "llama",
        {**llama_keys, "attention.sliding_window_pattern": [True, False]},
        plain={
            "general.name": "Näme ✓",
            "tokenizer.ggml.tokens": [f"token {i}" * (i % 7) for i in range(9000)],
            "tokenizer.ggml.scores": [float(i) for i in range(9000)],
            "x.flag": True,
            "x.number": 0.5,
            "x.after": "the end",
        },
        tensors={"token_embd.weight": (32, 9), "blk.0.attn_k.weight": (4, 8), "odd": (7,)},
    )
    header = read_gguf(path)
    keys, tensors = oracle(path)
    for key, value in keys.items():
        ours = header.metadata[key]
        if isinstance(ours, SkippedArray):
            assert ours.count == len(value) == 9000
        elif isinstance(ours, tuple):
            assert list(ours) == list(value)
        else:
            assert ours == value
    assert set(header.metadata) == set(keys)
    assert {t.name: (t.shape, header.data_offset + t.offset) for t in header.tensors} == tensors
    sizes = {t.name: t.size_bytes for t in header.tensors}
    assert sizes == {"token_embd.weight": 576, "blk.0.attn_k.weight": 64, "odd": 14}


def test_a_string_longer_than_the_reading_window_is_walked_over(
    write_gguf: Callable[..., Path], llama_keys: dict[str, Any]
) -> None:
    words = ["w"] * 5000
    words[2500] = "x" * ((1 << 20) + 5)
    path = write_gguf(
        "llama", llama_keys, plain={"tokenizer.ggml.tokens": words, "x.after": "the end"}
    )
    header = read_gguf(path)
    assert header.metadata["tokenizer.ggml.tokens"] == SkippedArray(5000)
    assert header.metadata["x.after"] == "the end"


def test_type_tables_are_the_gguf_packages() -> None:
    import gguf

    theirs = {int(k): (k.name, *sizes) for k, sizes in gguf.GGML_QUANT_SIZES.items()}
    ours = {k: (t.name, t.block_elements, t.block_bytes) for k, t in TENSOR_TYPES.items()}
    assert ours == theirs
    names = {
        int(k): k.name.removeprefix("ALL_").removeprefix("MOSTLY_") for k in gguf.LlamaFileType
    }
    assert FILE_TYPES.items() <= names.items()


@pytest.mark.parametrize(
    ("name", "bits"),
    [
        *[("f32", 32), ("f16", 16), ("bf16", 16), ("q8_0", 8.5), ("q5_1", 6)],
        *[("q5_0", 5.5), ("q4_1", 5), ("q4_0", 4.5), ("iq4_nl", 4.5)],
    ],
)
def test_bits_of_a_cache_value(name: str, bits: float) -> None:
    assert float(CACHE_TYPES[name].bytes_per_element * 8) == bits


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no model file at") as error:
        read_gguf(tmp_path / "none.gguf")
    assert error.value.hint


def test_directory(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="is a directory"):
        read_gguf(tmp_path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "not a GGUF file"),
        (b"PK\x03\x04zip", "not a GGUF file"),
        (b"GGUF", "corrupt or cut short"),
        (b"GGUF" + struct.pack("<IQQ", 1, 0, 0), "version 1"),
        (b"GGUF" + struct.pack(">IQQ", 3, 0, 0), "big-endian"),
        (b"GGUF" + struct.pack("<IQQ", 3, 1 << 60, 0), "claims"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1 << 40) + b"x" * 20, "corrupt"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<I", 77), "type 77"),
        (b"GGUF" + struct.pack("<IQQQ", 3, 0, 1, 1) + b"k" + struct.pack("<IIQ", 9, 9, 1), "array"),
    ],
)
def test_what_is_no_gguf_is_refused_in_one_line(
    tmp_path: Path, content: bytes, message: str
) -> None:
    path = tmp_path / "bad.gguf"
    path.write_bytes(content)
    with pytest.raises(UserError, match=message) as error:
        read_gguf(path)
    assert "\n" not in error.value.message
    assert error.value.hint


def test_every_truncation_is_noticed(
    write_gguf: Callable[..., Path], llama_keys: dict[str, Any], tmp_path: Path
) -> None:
    whole = write_gguf(
        "llama",
        llama_keys,
        plain={"tokenizer.ggml.tokens": ["ab"] * 4200},
        tensors={"token_embd.weight": (32, 9)},
    ).read_bytes()
    cut = tmp_path / "cut.gguf"
    for size in [*range(4, 400, 7), *range(400, len(whole) - 32, 997), len(whole) - 40]:
        cut.write_bytes(whole[:size])
        with pytest.raises(UserError):
            read_gguf(cut)


@settings(max_examples=60, deadline=None)
@given(at=st.integers(0, 420), value=st.integers(0, 255))
def test_a_damaged_byte_never_escapes_as_another_error(
    tmp_path_factory: pytest.TempPathFactory, at: int, value: int
) -> None:
    path = tmp_path_factory.mktemp("gguf") / "d.gguf"
    text = b"general.architecture"
    content = bytearray(
        b"GGUF"
        + struct.pack("<IQQ", 3, 1, 2)
        + struct.pack("<Q", len(text))
        + text
        + struct.pack("<IQ", 8, 5)
        + b"llama"
        + struct.pack("<Q", 1)
        + b"a"
        + struct.pack("<IIQ", 9, 8, 2)
        + struct.pack("<Q", 1)
        + b"x"
        + struct.pack("<Q", 1)
        + b"y"
        + struct.pack("<Q", 1)
        + b"t"
        + struct.pack("<IQIQ", 1, 8, 0, 0)
        + b"\0" * 300
    )
    content[at % len(content)] = value
    path.write_bytes(bytes(content))
    with suppress(UserError):
        read_gguf(path)


def test_smollm2(smollm2: Path) -> None:
    header = read_gguf(smollm2)
    keys, tensors = oracle(smollm2)
    assert header.metadata["general.name"] == keys["general.name"]
    assert header.metadata["tokenizer.ggml.tokens"] == SkippedArray(49152)
    assert {t.name: header.data_offset + t.offset for t in header.tensors} == {
        name: offset for name, (_, offset) in tensors.items()
    }
