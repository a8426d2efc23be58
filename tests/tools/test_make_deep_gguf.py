from __future__ import annotations

from pathlib import Path

import gguf
import numpy as np
import pytest

import make_deep_gguf as deep

SMALL = deep.Shape(layers=1, width=8, feed_forward=16, head_width=4, context_tokens=64)
TOKENS = ["<|im_end|>", "Ġhello", "world", "Ã", "Ċ", "!"]
TYPES = [3, 1, 1, 1, 1, 1]


@pytest.fixture
def donor(tmp_path: Path) -> Path:
    path = tmp_path / "donor.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(TOKENS)
    writer.add_token_types(TYPES)
    writer.add_chat_template("{{ messages }}")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_the_standard_model_has_13_9_million_parameters() -> None:
    shape = deep.Shape()
    blocks = sum(rows * cols for layer in range(2) for _, rows, cols in shape.matrices(layer))
    # Per layer: q, k and v 3 x 64 x 256, output 256 x 64, three feed-forward 768 x 256.
    assert blocks == 2 * (4 * 64 * 256 + 3 * 768 * 256)
    assert blocks + 49152 * 256 == 13_893_632


def test_only_plain_words_are_loud() -> None:
    loud = deep.loudness(TOKENS, TYPES)
    assert loud.tolist() == pytest.approx([0.001, 1, 1, 0.001, 0.001, 1])


def test_the_model_carries_the_donors_tokenizer_and_its_own_shape(
    donor: Path, tmp_path: Path
) -> None:
    target = tmp_path / "out" / "deep.gguf"
    deep.write(donor, target, SMALL)
    reader = gguf.GGUFReader(target)
    assert deep.contents(reader, "tokenizer.ggml.tokens") == TOKENS
    assert deep.contents(reader, "tokenizer.ggml.token_type") == TYPES
    assert deep.contents(reader, "tokenizer.chat_template") == "{{ messages }}"
    assert deep.contents(reader, "llama.context_length") == 64
    assert deep.contents(reader, "llama.attention.key_length") == 4
    shapes = {tensor.name: tensor.data.shape for tensor in reader.tensors}
    assert shapes["token_embd.weight"] == (6, 8)
    assert shapes["blk.0.attn_output.weight"] == (8, 4)
    assert len(shapes) == 1 + 1 + 2 + 7
    del reader


def test_the_seed_decides_every_weight() -> None:
    loud = deep.loudness(TOKENS, TYPES)
    first, again = dict(deep.tensors(SMALL, loud)), dict(deep.tensors(SMALL, loud))
    assert all(np.array_equal(first[name], again[name]) for name in first)
    other = dict(deep.tensors(deep.Shape(**{**fields(SMALL), "seed": 21}), loud))
    assert not np.array_equal(first["token_embd.weight"], other["token_embd.weight"])


def fields(shape: deep.Shape) -> dict[str, int]:
    return {name: getattr(shape, name) for name in deep.Shape.__slots__}


def test_a_missing_donor_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    argv = ["--donor", str(tmp_path / "none.gguf"), "--output", str(tmp_path / "deep.gguf")]
    assert deep.main(argv) == 1
    assert "none.gguf does not exist: run `make models` first" in capsys.readouterr().err


def test_a_donor_without_a_tokenizer_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    donor = tmp_path / "bare.gguf"
    writer = gguf.GGUFWriter(donor, "llama")
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    assert deep.main(["--donor", str(donor), "--output", str(tmp_path / "deep.gguf")]) == 1
    assert "the donor has no tokenizer.ggml.tokens" in capsys.readouterr().err
