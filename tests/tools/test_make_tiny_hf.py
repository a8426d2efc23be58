from __future__ import annotations

import json
from pathlib import Path

import gguf
import numpy as np
import pytest

import make_tiny_hf as tiny
from tiny_bpe import vocabulary

SMALL = tiny.Shape(layers=1, width=8, feed_forward=16, heads=2, kv_heads=1, head_width=4, merges=40)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "tiny"
    tiny.write(path, SMALL, tiny.trained(SMALL))
    return path


def test_the_standard_model_is_small_and_its_window_long() -> None:
    shape = tiny.Shape()
    blocks = sum(rows * cols for layer in range(4) for _, rows, cols in shape.matrices(layer))
    # Per layer: q and output 512 x 512, k and v 128 x 512, three feed-forward 2048 x 512.
    assert blocks == 4 * (2 * 512 * 512 + 2 * 128 * 512 + 3 * 2048 * 512)
    assert shape.context_tokens >= 32768


def test_the_deep_one_does_a_sixteenth_of_the_attention_in_four_times_the_window() -> None:
    shape, deep = tiny.Shape(), tiny.DEEP
    assert deep.context_tokens == 4 * shape.context_tokens == 131072
    assert 16 * deep.layers * deep.heads == shape.layers * shape.heads
    assert deep.head_width == shape.head_width


def test_the_same_bytes_every_time(folder: Path, tmp_path: Path) -> None:
    again = tmp_path / "again"
    tiny.write(again, SMALL, tiny.trained(SMALL))
    for name in (*tiny.FILES, tiny.WEIGHTS):
        assert (folder / name).read_bytes() == (again / name).read_bytes()


def test_configuration_vocabulary_and_weights_agree(folder: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    model = json.loads((folder / "tokenizer.json").read_text())["model"]
    assert len(model["vocab"]) == config["vocab_size"] == 3 + 256 + 40
    assert model["vocab"]["<|im_end|>"] == config["eos_token_id"] == 2
    assert all("".join(pair.split(" ")) in model["vocab"] for pair in model["merges"])
    header, size = header_of(folder / tiny.WEIGHTS)
    assert header["lm_head.weight"]["shape"] == [299, 8]
    assert header["model.layers.0.self_attn.k_proj.weight"]["shape"] == [4, 8]
    assert len(header) == 1 + 3 + 2 + 7
    ends = [entry["data_offsets"][1] for name, entry in header.items() if name[0] != "_"]
    assert max(ends) == size


def header_of(path: Path) -> tuple[dict[str, dict[str, list[int]]], int]:
    """The header of a safetensors file, and the bytes of tensors behind it."""
    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + length]), len(data) - 8 - length


def test_tensors_are_where_the_header_says() -> None:
    named = {"a": np.array([1, 2], np.float16), "b": np.array([[3.0]], np.float16)}
    data = tiny.safetensors(named)
    length = int.from_bytes(data[:8], "little")
    assert length % 8 == 0
    header = json.loads(data[8 : 8 + length])
    assert header["b"] == {"dtype": "F16", "shape": [1, 1], "data_offsets": [4, 6]}
    assert np.frombuffer(data[8 + length :], np.float16).tolist() == [1.0, 2.0, 3.0]


def test_only_plain_words_are_loud() -> None:
    tokens = vocabulary([("Ġ", "a")], tiny.SPECIAL)
    loud = dict(zip(tokens, tiny.loudness(tokens).tolist(), strict=True))
    assert loud["Ġa"] == loud["a"] == 1
    # Special tokens look like words, a lone blank has no text, and byte 0xC3 is half a character.
    assert [loud[t] for t in ("<|im_end|>", "Ġ", "Ã")] == pytest.approx([0.001] * 3)


def test_each_word_of_the_corpus_becomes_one_token() -> None:
    tokens = set(tiny.tokenizer(tiny.trained(tiny.Shape()))["model"]["vocab"])
    assert {"Ġrepository", "Ġfunction", "Ġcommit"} <= tokens


def test_the_template_takes_every_role_and_tools(folder: Path) -> None:
    template = json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    for word in ("tools", "tool_calls", "message.role", "add_generation_prompt"):
        assert word in template


def test_a_folder_without_weights_is_written_again(
    folder: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tiny, "Shape", lambda: SMALL)
    assert tiny.is_complete(folder)
    (folder / tiny.WEIGHTS).unlink()
    assert tiny.main(["--output", str(folder)]) == 0
    assert tiny.is_complete(folder)
    assert capsys.readouterr().out.strip() == str(folder)


@pytest.fixture
def donor(tmp_path: Path) -> Path:
    """A GGUF of a tokenizer alone: five words, two merges."""
    return with_tokens(tmp_path / "donor.gguf", [*tiny.SPECIAL, "a", "b", "Ġ", "ab", "Ġab"])


def with_tokens(path: Path, tokens: list[str]) -> Path:
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_token_list(tokens)
    writer.add_token_merges(["a b", "Ġ ab"])
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    return path


def test_the_deep_one_has_the_words_of_another_model(
    donor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(tiny, "DEEP", SMALL)
    assert tiny.main(["--deep", "--donor", str(donor)]) == 0
    folder = tiny.deep_path()
    assert capsys.readouterr().out.strip() == str(folder)
    assert tiny.is_complete(folder)
    found = json.loads((folder / "tokenizer.json").read_text())
    assert found["model"]["vocab"]["Ġab"] == 7
    assert found["model"]["merges"] == ["a b", "Ġ ab"]
    assert found["pre_tokenizer"]["pretokenizers"][0]["individual_digits"] is True
    assert header_of(folder / tiny.WEIGHTS)[0]["lm_head.weight"]["shape"] == [8, 8]


def test_a_donor_must_be_there_and_be_the_right_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = ["--deep", "--output", str(tmp_path / "out"), "--donor"]
    assert tiny.main([*out, str(tmp_path / "none.gguf")]) == 1
    assert "run `make models` first" in capsys.readouterr().err
    other = with_tokens(tmp_path / "other.gguf", ["<s>", "</s>", "a", "b", "Ġ", "ab", "Ġab"])
    assert tiny.main([*out, str(other)]) == 1
    assert "has not SmolLM2's tokenizer" in capsys.readouterr().err


def test_a_file_in_its_place_is_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "model.gguf"
    file.write_text("")
    assert tiny.main(["--output", str(file)]) == 1
    assert "is a file: give --output a folder" in capsys.readouterr().err
