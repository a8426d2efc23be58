from __future__ import annotations

import hashlib
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autotune.errors import UserError
from autotune.models import identity as identity_module
from autotune.models.identity import (
    BLOCK_BYTES,
    FULL,
    HEAD_BYTES,
    SAMPLED,
    SAMPLED_BLOCKS,
    SAMPLED_PARTS,
    model_sha256,
    sample_spans,
)


def test_a_small_file_is_hashed_whole(tmp_path: Path) -> None:
    path = tmp_path / "m.gguf"
    path.write_bytes(b"weights" * 1000)
    identity = model_sha256(path)
    assert identity.sha256 == hashlib.sha256(b"weights" * 1000).hexdigest()
    assert identity.to_json() == {
        "sha256": identity.sha256,
        "method": FULL,
        "size_bytes": 7000,
    }


def test_a_large_file_is_sampled_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(identity_module, "HEAD_BYTES", 4096)
    monkeypatch.setattr(identity_module, "BLOCK_BYTES", 64)
    path = tmp_path / "m.gguf"
    size = 4096 + 64 * SAMPLED_BLOCKS * 2
    path.write_bytes(bytes(size))
    first = model_sha256(path, full_limit_bytes=1000)
    assert first.method == SAMPLED
    with path.open("r+b") as stream:  # the last byte counts
        stream.seek(size - 1)
        stream.write(b"x")
    assert model_sha256(path, full_limit_bytes=1000).sha256 != first.sha256


def test_parts_are_hashed_in_order(tmp_path: Path) -> None:
    one, two = tmp_path / "1", tmp_path / "2"
    one.write_bytes(b"a")
    two.write_bytes(b"b")
    assert model_sha256(one, two).sha256 == hashlib.sha256(b"ab").hexdigest()
    assert model_sha256(two, one).sha256 != model_sha256(one, two).sha256
    sampled = model_sha256(one, two, full_limit_bytes=1)
    assert sampled.sha256 == hashlib.sha256(b"1\na1\nb").hexdigest()


def test_large_parts_share_what_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity_module, "HEAD_BYTES", 4096)
    monkeypatch.setattr(identity_module, "BLOCK_BYTES", 64)
    size = 4096 + 64 * SAMPLED_BLOCKS * 2
    paths = [tmp_path / name for name in ("a", "b", "config")]
    for path, length in zip(paths, (size, size, 100), strict=True):
        path.write_bytes(bytes(length))
    whole = model_sha256(*paths, full_limit_bytes=1000)
    assert whole.method == SAMPLED_PARTS
    assert sum(n for _, n in sample_spans(size, 2)) == (4096 + 64 * SAMPLED_BLOCKS) // 2
    paths[2].write_bytes(b"x" * 100)  # a small file is always read whole
    assert model_sha256(*paths, full_limit_bytes=1000).sha256 != whole.sha256


@given(st.integers(0, 100 << 30), st.integers(1, 200))
def test_spans_cover_both_ends_in_order(size: int, shares: int) -> None:
    spans = sample_spans(size, shares)
    assert spans[0][0] == 0
    assert sum(spans[-1]) == size
    assert all(a + n <= b for (a, n), (b, _) in pairwise(spans))
    most = HEAD_BYTES // shares + BLOCK_BYTES * max(4, SAMPLED_BLOCKS // shares)
    assert sum(n for _, n in spans) <= most


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"cannot read .*none\.gguf"):
        model_sha256(tmp_path / "none.gguf")
