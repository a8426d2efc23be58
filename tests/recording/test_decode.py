from __future__ import annotations

import gzip
import zlib

import pytest
import zstandard

from autotune.recording.decode import UndecodableError, decoded
from autotune.recording.sse import joined

TEXT = b"the same text again and again " * 40


def raw_deflate(data: bytes) -> bytes:
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "packed"),
    [
        ("", TEXT),
        ("identity", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)),
        ("X-GZIP", gzip.compress(TEXT, mtime=0)),
        ("deflate", zlib.compress(TEXT)),
        ("deflate", raw_deflate(TEXT)),
        ("zstd", zstandard.ZstdCompressor().compress(TEXT)),
        ("gzip, zstd", zstandard.ZstdCompressor().compress(gzip.compress(TEXT, mtime=0))),
    ],
)
def test_bodies_are_unpacked_piece_by_piece(encoding: str, packed: bytes) -> None:
    pieces = [(float(at), packed[at : at + 7]) for at in range(0, len(packed), 7)]
    plain = decoded(pieces, encoding)
    assert joined(plain) == TEXT
    assert [at for at, _ in plain] == [at for at, _ in pieces]


def test_a_cut_body_gives_what_came() -> None:
    packed = zlib.compress(TEXT, 0)
    assert TEXT.startswith(joined(decoded([(0.0, packed[:200])], "deflate"))[:100])


@pytest.mark.parametrize("encoding", ["gzip", "zstd", "deflate", "br", "gzip, made-up"])
def test_what_is_not_what_it_says_is_named(encoding: str) -> None:
    with pytest.raises(UndecodableError):
        decoded([(0.0, b"\x07 plain text")], encoding)
