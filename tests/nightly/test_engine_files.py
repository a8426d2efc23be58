"""Another library beside the program is another build."""

from __future__ import annotations

from pathlib import Path

import pytest

from autotune.nightly.engine_files import MOST, libraries_sha256
from autotune.nightly.sampled_hash import HashCache


@pytest.fixture
def hashes(tmp_path: Path) -> HashCache:
    return HashCache(tmp_path / "hashes.json")


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_a_program_alone_has_none(tmp_path: Path, hashes: HashCache) -> None:
    program = put(tmp_path / "build" / "llama-server", "program")
    put(tmp_path / "build" / "readme.txt", "text")
    assert libraries_sha256(program, hashes) is None


@pytest.mark.parametrize("name", ["libggml-cuda.so", "libggml.so.0", "libllama.dylib", "ggml.dll"])
def test_what_stands_beside_it_counts(tmp_path: Path, hashes: HashCache, name: str) -> None:
    program = put(tmp_path / "build" / "llama-server", "program")
    put(tmp_path / "build" / name, "one")
    before = libraries_sha256(program, hashes)
    assert before is not None
    assert libraries_sha256(program, hashes) == before
    put(tmp_path / "build" / name, "two")
    assert libraries_sha256(program, hashes) not in (before, None)


def test_of_a_prefix_only_the_engines_own(tmp_path: Path, hashes: HashCache) -> None:
    program = put(tmp_path / "usr" / "bin" / "llama-server", "program")
    put(tmp_path / "usr" / "lib" / "libssl.so", "not the engine's")
    assert libraries_sha256(program, hashes) is None
    put(tmp_path / "usr" / "lib" / "libllama.so.1", "the engine's")
    before = libraries_sha256(program, hashes)
    put(tmp_path / "usr" / "lib" / "libssl.so", "updated")
    assert libraries_sha256(program, hashes) == before


def test_a_link_counts_for_what_it_leads_to(tmp_path: Path, hashes: HashCache) -> None:
    program = put(tmp_path / "b" / "server", "program")
    put(tmp_path / "b" / "libggml.so.0.1", "one")
    alone = libraries_sha256(program, hashes)
    (tmp_path / "b" / "libggml.so").symlink_to("libggml.so.0.1")
    assert libraries_sha256(program, hashes) == alone
    named = tmp_path / "link" / "server"
    named.parent.mkdir()
    named.symlink_to(program)
    assert libraries_sha256(named, hashes) == alone


def test_a_folder_of_the_system_says_nothing(tmp_path: Path, hashes: HashCache) -> None:
    program = put(tmp_path / "b" / "server", "program")
    for number in range(MOST + 1):
        put(tmp_path / "b" / f"lib{number}.so", "x")
    assert libraries_sha256(program, hashes) is None
