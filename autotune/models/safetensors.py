"""Headers of safetensors files: names, types and shapes of tensors, without the weights.

The format: eight bytes of little-endian length, that much JSON, then the data. Each tensor's
``data_offsets`` count from the end of the JSON.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any, BinaryIO

from autotune.errors import UserError

MAX_HEADER_BYTES = 100_000_000
"""The format's own limit."""

_LFS = b"version "
"""How a Git LFS pointer begins, which stands in for a file that was not fetched."""


@dataclass(frozen=True, slots=True)
class StoredTensor:
    """One tensor. `dtype` is in the format's spelling: ``BF16``, ``F8_E4M3``, ``I32``, ..."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    size_bytes: int

    @property
    def n_elements(self) -> int:
        """How many values it holds."""
        return prod(self.shape)


def read_safetensors(path: Path) -> tuple[StoredTensor, ...]:
    """The tensors in `path`.

    Raises `UserError` when it is missing, cut short or not a safetensors file.
    """
    try:
        with path.open("rb") as stream:
            size = path.stat().st_size
            header = _header(path, stream, size)
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}", "download the model again"
        ) from error
    return tuple(
        _tensor(path, name, entry, size) for name, entry in header.items() if name != "__metadata__"
    )


def _header(path: Path, stream: BinaryIO, size: int) -> Mapping[str, Any]:
    start = stream.read(8)
    if start == _LFS:
        raise UserError(f"{path} is a Git LFS pointer, not the weights", "run: git lfs pull")
    length = struct.unpack("<Q", start)[0] if len(start) == 8 else 0
    if not 2 <= length <= min(MAX_HEADER_BYTES, size - 8):
        raise _damaged(path)
    try:
        header = json.loads(stream.read(length))
    except (ValueError, RecursionError):
        raise _damaged(path) from None
    if not isinstance(header, dict):
        raise _damaged(path)
    data_bytes = size - 8 - length
    ends = [_offsets(path, e)[1] for n, e in header.items() if n != "__metadata__"]
    if max(ends, default=0) > data_bytes:
        raise UserError(
            f"{path} is cut short: {data_bytes} of {max(ends)} bytes of weights",
            "download the model again",
        )
    return header


def _tensor(path: Path, name: str, entry: Mapping[str, Any], size: int) -> StoredTensor:
    begin, end = _offsets(path, entry)
    shape = entry.get("shape")
    if not 0 <= begin <= end <= size or not isinstance(shape, list):
        raise _damaged(path)
    return StoredTensor(name, str(entry.get("dtype")), tuple(int(n) for n in shape), end - begin)


def _offsets(path: Path, entry: Any) -> tuple[int, int]:
    offsets = entry.get("data_offsets") if isinstance(entry, dict) else None
    if not (isinstance(offsets, list) and len(offsets) == 2):
        raise _damaged(path)
    begin, end = offsets
    if not (isinstance(begin, int) and isinstance(end, int)):
        raise _damaged(path)
    return begin, end


def _damaged(path: Path) -> UserError:
    return UserError(f"{path} is damaged or not a safetensors file", "download the model again")
