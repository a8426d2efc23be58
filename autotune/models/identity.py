"""Which model this is: a hash that changes when its weights or its metadata do.

Small models are hashed whole. Of a large one each file is hashed by its size, its beginning (the
header and the first weights) and evenly spaced blocks up to its end: tens of gigabytes would take
minutes, and a run does this every time. Large files of one model share what is read. Another
quantization, fine-tune or conversion changes every block; a single flipped bit is not what this is
for. The result says which way was used.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import UserError

FULL = "sha256"
SAMPLED = "sha256-sampled/1"
SAMPLED_PARTS = "sha256-sampled-parts/1"
"""Of a model in several files that are not small."""
FULL_LIMIT_BYTES = 1 << 30
"""Files up to this size are hashed whole (about a second a gigabyte)."""

HEAD_BYTES = 64 << 20
BLOCK_BYTES = 1 << 20
SAMPLED_BLOCKS = 256

_LEAST_BLOCKS = 4
_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """A hash of a model's files in order, how it was made, and their bytes together."""

    sha256: str
    method: str
    size_bytes: int

    def to_json(self) -> dict[str, str | int]:
        """A JSON object."""
        return {"sha256": self.sha256, "method": self.method, "size_bytes": self.size_bytes}


def model_sha256(*paths: Path, full_limit_bytes: int = FULL_LIMIT_BYTES) -> ModelIdentity:
    """The identity of the model in `paths` (all parts of a split one, in order).

    Of one file hashed whole it is what ``sha256sum`` prints. Raises `UserError` when a file
    cannot be read.
    """
    try:
        sizes = [path.stat().st_size for path in paths]
        sampled = sum(sizes) > full_limit_bytes
        shares = max(1, sum(size > _small_bytes(len(sizes)) for size in sizes))
        digest = hashlib.sha256()
        for path, size in zip(paths, sizes, strict=True):
            for chunk in _sampled(path, size, shares) if sampled else _whole(path):
                digest.update(chunk)
    except OSError as error:
        raise UserError(
            f"cannot read {error.filename}: {error.strerror or error}", "check the model's path"
        ) from error
    method = SAMPLED_PARTS if shares > 1 else SAMPLED
    return ModelIdentity(digest.hexdigest(), method if sampled else FULL, sum(sizes))


def _small_bytes(n_files: int) -> int:
    """What a file's share of the sample would be: up to that it is read whole."""
    return (HEAD_BYTES + BLOCK_BYTES * SAMPLED_BLOCKS) // max(1, n_files)


def sample_spans(size_bytes: int, shares: int = 1) -> list[tuple[int, int]]:
    """The ``(offset, length)`` that stand for a file of `size_bytes`: its head, then blocks.

    Blocks are evenly spaced from the head's end to the last byte, which the last one contains.
    One of `shares` large files has its share of both.
    """
    head = min(size_bytes, HEAD_BYTES // shares)
    blocks = max(_LEAST_BLOCKS, SAMPLED_BLOCKS // shares)
    rest = size_bytes - head
    if rest <= BLOCK_BYTES * blocks:
        return [(0, size_bytes)]
    last = size_bytes - BLOCK_BYTES
    step = (last - head) // (blocks - 1)
    starts = [head + i * step for i in range(blocks - 1)] + [last]
    return [(0, head), *((start, BLOCK_BYTES) for start in starts)]


def _whole(path: Path) -> Iterator[bytes]:
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK_BYTES):
            yield chunk


def _sampled(path: Path, size_bytes: int, shares: int) -> Iterator[bytes]:
    yield f"{size_bytes}\n".encode()
    with path.open("rb") as stream:
        for offset, length in sample_spans(size_bytes, shares):
            stream.seek(offset)
            while length > 0 and (chunk := stream.read(min(length, _CHUNK_BYTES))):
                length -= len(chunk)
                yield chunk
