"""One document: read whole, damage named, never a traceback."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from autotune.workload.damage import DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile


def read(path: Path, data: bytes) -> tuple[object, list[str]]:
    path.write_bytes(data)
    ledger = DamageLedger()
    value = read_document(CaptureFile(path, path.name), ledger)
    return value, [damage.kind for damage in ledger.entries()]


def test_plain_gzip_and_bom(tmp_path: Path) -> None:
    assert read(tmp_path / "a.json", b'{"a": [1]}') == ({"a": [1]}, [])
    assert read(tmp_path / "b.json.gz", gzip.compress(b"[2]")) == ([2], [])
    assert read(tmp_path / "c.json", b"\xef\xbb\xbf{}") == ({}, ["bom"])


@pytest.mark.parametrize("data", [b"", b"{", b'{"a": NaN}', b"\xff\xfe{}", b"[" * 200_000])
def test_what_is_no_document_is_damage(tmp_path: Path, data: bytes) -> None:
    assert read(tmp_path / "x.json", data) == (None, ["bad-json"])


def test_a_compressed_document_cut_short_is_torn(tmp_path: Path) -> None:
    assert read(tmp_path / "x.json.gz", gzip.compress(b"[1]" * 999)[:-9]) == (None, ["torn-file"])


def test_a_number_without_an_end_is_no_json(tmp_path: Path) -> None:
    assert read(tmp_path / "x.json", b'{"a": 1e999}') == (None, ["bad-json"])
    assert read(tmp_path / "y.json", b'{"a": 1e9}') == ({"a": 1e9}, [])
