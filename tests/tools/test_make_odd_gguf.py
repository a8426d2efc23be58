from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import gguf
import numpy as np
import pytest

import make_odd_gguf
from autotune.models.metadata import read_model


@pytest.fixture
def donor(tmp_path: Path) -> Path:
    """A file with a tokenizer of three tokens."""
    path = tmp_path / "donor.gguf"
    writer = gguf.GGUFWriter(path, "llama")
    writer.add_array("tokenizer.ggml.tokens", ["a", "b", "c"])
    writer.add_tensor("x", np.zeros(1, dtype=np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return path


def test_the_odd_model_is_odd(donor: Path, tmp_path: Path) -> None:
    target = tmp_path / "odd.gguf"
    make_odd_gguf.write(donor, target, make_odd_gguf.Odd())
    info = read_model(target)
    assert info.kv_heads == (1, 4, 2, 8)
    assert (info.key_length, info.value_length) == (96, 64)  # and 128 / 4 = 32
    assert info.window_layers == (0, 2)
    assert info.n_vocab == 3


def test_the_recurrent_model_has_no_cache(donor: Path, tmp_path: Path) -> None:
    target = tmp_path / "mamba.gguf"
    make_odd_gguf.write(donor, target, replace(make_odd_gguf.Mamba(), layers=2))
    info = read_model(target)
    assert (info.attention_layers, info.recurrent_layers) == ((), (0, 1))
    assert info.recurrent_elements == 3 * 256 + 16 * 256


def test_both_are_written_once(
    donor: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: Any
) -> None:
    folder = tmp_path / "models"
    argv = ["--donor", str(donor), "--folder", str(folder)]
    assert make_odd_gguf.main(argv) == 0
    paths = capsys.readouterr().out.split()
    assert sorted(paths) == sorted(map(str, folder.iterdir()))
    assert len(paths) == 2
    monkeypatch.setattr(make_odd_gguf, "write", None)
    assert make_odd_gguf.main(argv) == 0
    assert make_odd_gguf.main(["--donor", "/nowhere", "--folder", str(folder)]) == 1
    assert "run `make models` first" in capsys.readouterr().err
