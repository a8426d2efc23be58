from __future__ import annotations

import hashlib
from pathlib import Path

from autotune.workload.readers import READERS
from autotune.workload.readers.base import file_hash


def test_formats_are_named_in_one_place() -> None:
    assert {"capture/1", "fizeau"} <= set(READERS)
    assert all(reader.name == name and reader.description for name, reader in READERS.items())


def test_a_file_is_named_by_its_content(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == f"sha256:{hashlib.sha256(b'abc').hexdigest()}"
