"""Which file a target means tonight."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from gguf_file import write_gguf
from hf_folder import write_config, write_safetensors

from autotune.errors import UserError
from autotune.nightly.newest_model import newest_model, parts_of


def put(path: Path, at: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    write_gguf(path)
    os.utime(path, (at, at))
    return path


def test_a_file_is_itself(tmp_path: Path) -> None:
    path = put(tmp_path / "m.gguf", 1)
    put(tmp_path / "newer.gguf", 2)
    assert newest_model(path) == path


def test_of_a_folder_the_model_written_last(tmp_path: Path) -> None:
    put(tmp_path / "a.gguf", 1)
    newest = put(tmp_path / "b.gguf", 3)
    put(tmp_path / "c.gguf", 2)
    put(tmp_path / "mmproj-b.gguf", 9)
    (tmp_path / "d.gguf.part").write_bytes(b"half")
    put(tmp_path / "e.gguf", 8)
    (tmp_path / "e.gguf.aria2").touch()  # of full size already, and not all there yet
    assert newest_model(tmp_path) == newest


def test_a_name_with_wildcards_is_the_newest_that_fits(tmp_path: Path) -> None:
    put(tmp_path / "coder-v2-Q8_0.gguf", 5)
    newest = put(tmp_path / "coder-v2-Q4_K_M.gguf", 4)
    put(tmp_path / "coder-v1-Q4_K_M.gguf", 3)
    assert newest_model(tmp_path / "coder-*-Q4_K_M.gguf") == newest


def test_a_split_model_is_known_by_its_first_part(tmp_path: Path) -> None:
    first = put(tmp_path / "m-00001-of-00002.gguf", 1)
    put(tmp_path / "m-00002-of-00002.gguf", 2)
    assert newest_model(tmp_path) == first


def snapshot(repository: Path, name: str, at: int) -> Path:
    folder = write_config(repository / "snapshots" / name)
    os.utime(folder, (at, at))
    return folder


def test_of_a_repository_in_the_cache_the_snapshot_that_main_names(tmp_path: Path) -> None:
    repository = tmp_path / "models--org--name"
    named, _ = snapshot(repository, "aaa", 1), snapshot(repository, "bbb", 2)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("aaa\n")
    assert newest_model(repository) == named
    assert newest_model(repository / "snapshots") == named
    assert newest_model(named) == named


@pytest.mark.parametrize("main", [None, "", "not-downloaded-yet"])
def test_without_it_the_newest_snapshot(tmp_path: Path, main: str | None) -> None:
    repository = tmp_path / "models--org--name"
    snapshot(repository, "aaa", 1)
    newest = snapshot(repository, "bbb", 2)
    if main is not None:
        (repository / "refs").mkdir()
        (repository / "refs" / "main").write_text(main)
    assert newest_model(repository) == newest


def test_a_snapshot_of_gguf_files_is_its_newest_file(tmp_path: Path) -> None:
    blob = put(tmp_path / "models--o--n" / "blobs" / "b1", 4)
    link = tmp_path / "models--o--n" / "snapshots" / "aaa" / "m.gguf"
    link.parent.mkdir(parents=True)
    link.symlink_to(blob)
    assert newest_model(tmp_path / "models--o--n") == link


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("none.gguf", "there is no model at"),
        ("none-*.gguf", "there is no model in"),
        ("empty", "there is no model in"),
        ("models--o--n", "has no snapshot"),
    ],
)
def test_nothing_there_is_said(tmp_path: Path, name: str, problem: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "models--o--n" / "snapshots").mkdir(parents=True)
    with pytest.raises(UserError, match=problem):
        newest_model(tmp_path / name)


def test_the_parts_of_a_model(tmp_path: Path) -> None:
    path = put(tmp_path / "m.gguf", 1)
    assert parts_of(path) == (path,)
    folder = write_config(tmp_path / "hf")
    weights = write_safetensors(
        folder / "model.safetensors", {"lm_head.weight": ("BF16", (10, 32))}
    )
    assert parts_of(folder) == (folder / "config.json", weights)


def test_a_model_that_is_not_all_there_is_said(tmp_path: Path) -> None:
    folder = write_config(tmp_path / "hf")
    with pytest.raises(UserError, match="hf holds no weights") as caught:
        parts_of(folder)
    assert "may still be downloaded" in caught.value.hint
    index = {"weight_map": {"a": "model-1.safetensors", "b": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    write_safetensors(folder / "model-1.safetensors", {"a": ("BF16", (2, 2))})
    with pytest.raises(UserError, match=r"lacks 1 of 2 weight files, e\.g\. model-2"):
        parts_of(folder)
    half = tmp_path / "half.gguf"
    write_gguf(half)
    half.write_bytes(half.read_bytes()[:-4])
    with pytest.raises(UserError, match="cut short"):
        parts_of(half)
