"""Bodies without their content encoding, the stamps of their pieces kept."""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Iterator
from typing import Protocol

from autotune.recording.exchange import StampedBytes

MAX_DECODED_BYTES = 512 * 1024 * 1024


class UndecodableError(ValueError):
    """The body has an encoding that is not known, or is not what it says."""


class _Decompressor(Protocol):
    def decompress(self, data: bytes, /) -> bytes: ...


class _Deflate:
    """``deflate`` is zlib by the book and raw deflate from some servers: the first bytes tell."""

    def __init__(self) -> None:
        self._inner: _Decompressor | None = None

    def decompress(self, data: bytes, /) -> bytes:
        if self._inner is None:
            by_the_book = (
                len(data) > 1 and data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0
            )
            self._inner = zlib.decompressobj(zlib.MAX_WBITS if by_the_book else -zlib.MAX_WBITS)
        return self._inner.decompress(data)


def _is_zlib(data: bytes) -> bool:
    """RFC 1950: method 8 in the first byte, and the first two are a multiple of 31."""
    return len(data) > 1 and data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0


def decoded(chunks: Iterable[StampedBytes], encoding: str) -> list[StampedBytes]:
    """`chunks` without the content encoding named in their header; a body may be cut off.

    Raises:
        UndecodableError: the encoding is not known, the data is corrupt, or there is too much.
    """
    names = [name.strip().lower() for name in encoding.split(",") if name.strip()]
    for name in reversed(names):
        chunks = _without(name, chunks)
    return list(chunks)


def _without(name: str, chunks: Iterable[StampedBytes]) -> Iterator[StampedBytes]:
    import zstandard

    if name == "identity":
        yield from chunks
        return
    inner = _decompressor(name)
    total = 0
    for stamp, data in chunks:
        try:
            plain = inner.decompress(data)
        except (zlib.error, zstandard.ZstdError) as error:
            raise UndecodableError(f"the body is not {name}: {error}") from error
        total += len(plain)
        if total > MAX_DECODED_BYTES:
            raise UndecodableError("the body is over 512 MiB when unpacked")
        yield stamp, plain


def _decompressor(name: str) -> _Decompressor:
    if name in ("gzip", "x-gzip"):
        return zlib.decompressobj(16 + zlib.MAX_WBITS)
    if name == "deflate":
        return _Deflate()
    if name == "zstd":
        import zstandard

        return zstandard.ZstdDecompressor().decompressobj()
    raise UndecodableError(f"content encoding {name!r} is not known")
