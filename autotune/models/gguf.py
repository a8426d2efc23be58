"""A GGUF header reader: metadata and tensor sizes, without the weights.

Streams the header once and keeps only what is asked about: long arrays (vocabularies) are walked
over and remembered by their length alone, so a file with a 260k-token vocabulary is read in well
under a second. The format: magic, version, tensor count, key-value count; key-value pairs; tensor
infos; padding to ``general.alignment``; tensor data. Everything is little-endian.
"""

from __future__ import annotations

import os
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from math import prod
from pathlib import Path
from typing import BinaryIO, TypeAlias

from autotune.errors import UserError
from autotune.models.ggml_types import TENSOR_TYPES

MAGIC = b"GGUF"
KEPT_ARRAY_ITEMS = 4096
"""Arrays up to this long are kept: one value per layer. Vocabularies are longer."""

_DEFAULT_ALIGNMENT = 32
_READ_WINDOW_BYTES = 1 << 20
_SCALARS = {
    0: "B",
    1: "b",
    2: "H",
    3: "h",
    4: "I",
    5: "i",
    6: "f",
    7: "?",
    10: "Q",
    11: "q",
    12: "d",
}
_STRING, _ARRAY = 8, 9
_MIN_PAIR_BYTES = 8 + 4 + 1


@dataclass(frozen=True, slots=True)
class SkippedArray:
    """An array too long to keep: only how many items it has."""

    count: int


GgufScalar: TypeAlias = str | int | float | bool
GgufValue: TypeAlias = GgufScalar | tuple[GgufScalar, ...] | SkippedArray


@dataclass(frozen=True, slots=True)
class GgufTensor:
    """One tensor: its shape, its type id and its place in the data section.

    `size_bytes` comes from the type, or for a type unknown here from the room that the file gives.
    """

    name: str
    shape: tuple[int, ...]
    type_id: int
    offset: int
    size_bytes: int

    @property
    def n_elements(self) -> int:
        """How many values it holds."""
        return prod(self.shape)


@dataclass(frozen=True, slots=True)
class GgufHeader:
    """All of a GGUF file but its weights."""

    path: Path
    version: int
    metadata: Mapping[str, GgufValue]
    tensors: tuple[GgufTensor, ...]
    data_offset: int
    file_bytes: int


def read_gguf(path: Path) -> GgufHeader:
    """The header of the GGUF file at `path`.

    Raises `UserError` when it is missing, is not GGUF, or is corrupt or cut short.
    """
    try:
        with path.open("rb", buffering=_READ_WINDOW_BYTES) as stream:
            return _Reader(path, stream).header()
    except FileNotFoundError:
        raise UserError(f"no model file at {path}", "check the path given to --model") from None
    except IsADirectoryError:
        raise UserError(
            f"{path} is a directory, not a model file", "give the .gguf file inside it to --model"
        ) from None
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}", "check its permissions"
        ) from error


class _Reader:
    """A cursor over one header; every length is checked against the file before it is trusted."""

    def __init__(self, path: Path, stream: BinaryIO) -> None:
        self._path = path
        self._stream = stream
        self._file_bytes = os.fstat(stream.fileno()).st_size

    def header(self) -> GgufHeader:
        version = self._version()
        n_tensors, n_pairs = self._counts()
        metadata = dict(self._pair() for _ in range(n_pairs))
        infos = [self._tensor_info() for _ in range(n_tensors)]
        data_offset = self._aligned(self._stream.tell(), metadata)
        tensors = _sized(infos, self._file_bytes - data_offset)
        self._check_data(data_offset, tensors)
        return GgufHeader(
            path=self._path,
            version=version,
            metadata=metadata,
            tensors=tensors,
            data_offset=data_offset,
            file_bytes=self._file_bytes,
        )

    def _version(self) -> int:
        magic = self._stream.read(4)
        if magic != MAGIC:
            raise UserError(
                f"{self._path} is not a GGUF file (it begins with {magic!r})",
                "give a .gguf model file; other formats need converting first",
            )
        version = int(self._scalar("I"))
        if version & 0xFFFF == 0:
            raise UserError(
                f"{self._path} is a big-endian GGUF file", "convert it to little-endian first"
            )
        if version not in (2, 3):
            raise UserError(
                f"{self._path} is GGUF version {version}; versions 2 and 3 are read",
                "convert the model again with a current llama.cpp",
            )
        return version

    def _counts(self) -> tuple[int, int]:
        n_tensors, n_pairs = int(self._scalar("Q")), int(self._scalar("Q"))
        if (n_tensors + n_pairs) * _MIN_PAIR_BYTES > self._file_bytes:
            raise self._corrupt(f"it claims {n_pairs} keys and {n_tensors} tensors")
        return n_tensors, n_pairs

    def _pair(self) -> tuple[str, GgufValue]:
        key = self._string()
        type_id = int(self._scalar("I"))
        return key, self._array(key) if type_id == _ARRAY else self._value(key, type_id)

    def _value(self, key: str, type_id: int) -> GgufScalar:
        if type_id == _STRING:
            return self._string()
        if code := _SCALARS.get(type_id):
            return self._scalar(code)
        raise self._corrupt(f"key {key!r} has the unknown type {type_id}")

    def _array(self, key: str) -> tuple[GgufScalar, ...] | SkippedArray:
        type_id, count = int(self._scalar("I")), int(self._scalar("Q"))
        if type_id != _STRING and type_id not in _SCALARS:
            raise self._corrupt(f"key {key!r} is an array of the unknown type {type_id}")
        if count <= KEPT_ARRAY_ITEMS:
            return tuple(self._value(key, type_id) for _ in range(count))
        if type_id == _STRING:
            self._skip_strings(count)
        else:
            self._skip(count * struct.calcsize(f"<{_SCALARS[type_id]}"))
        return SkippedArray(count)

    def _tensor_info(self) -> GgufTensor:
        name = self._string()
        n_dims = int(self._scalar("I"))
        if n_dims > 8:
            raise self._corrupt(f"tensor {name!r} has {n_dims} dimensions")
        shape = tuple(int(self._scalar("Q")) for _ in range(n_dims))
        type_id, offset = int(self._scalar("I")), int(self._scalar("Q"))
        return GgufTensor(name, shape, type_id, offset, size_bytes=0)

    def _skip_strings(self, count: int) -> None:
        """Walk over `count` strings, a window at a time: a vocabulary has 10^5 of them."""
        length_at = partial(struct.unpack_from, "<Q")
        while count:
            window = self._stream.read(_READ_WINDOW_BYTES)
            size, at = len(window), 0
            while count and at + 8 <= size:
                end = at + 8 + length_at(window, at)[0]
                if end > size:
                    break
                at = end
                count -= 1
            self._stream.seek(at - size, os.SEEK_CUR)
            if at == 0:  # longer than a window, or the file ends here
                self._skip(self._length())
                count -= 1

    def _string(self) -> str:
        return self._take(self._length()).decode("utf-8", errors="replace")

    def _length(self) -> int:
        return int(self._scalar("Q"))

    def _scalar(self, code: str) -> int | float | bool:
        form = f"<{code}"
        value: int | float | bool = struct.unpack(form, self._take(struct.calcsize(form)))[0]
        return value

    def _take(self, n_bytes: int) -> bytes:
        self._check_room(n_bytes)
        return self._stream.read(n_bytes)

    def _skip(self, n_bytes: int) -> None:
        self._check_room(n_bytes)
        self._stream.seek(n_bytes, os.SEEK_CUR)

    def _check_room(self, n_bytes: int) -> None:
        at = self._stream.tell()
        if n_bytes > self._file_bytes - at:
            raise self._corrupt(f"its header needs {n_bytes} bytes at {at} of {self._file_bytes}")

    def _aligned(self, at: int, metadata: Mapping[str, GgufValue]) -> int:
        alignment = metadata.get("general.alignment", _DEFAULT_ALIGNMENT)
        if not isinstance(alignment, int) or alignment <= 0:
            raise self._corrupt(f"general.alignment is {alignment!r}")
        return -(-at // alignment) * alignment

    def _check_data(self, data_offset: int, tensors: tuple[GgufTensor, ...]) -> None:
        needed = data_offset + max((t.offset + t.size_bytes for t in tensors), default=0)
        if tensors and needed > self._file_bytes:
            raise UserError(
                f"{self._path} is cut short: {self._file_bytes} of {needed} bytes",
                "download or copy the model again",
            )

    def _corrupt(self, what: str) -> UserError:
        return UserError(
            f"{self._path} is corrupt or cut short: {what}", "download or copy the model again"
        )


def _sized(infos: list[GgufTensor], data_bytes: int) -> tuple[GgufTensor, ...]:
    """The tensors with their sizes, in file order of the infos."""
    starts = sorted({info.offset for info in infos} | {max(data_bytes, 0)})
    room = {here: there - here for here, there in pairwise(starts)}
    return tuple(_with_size(info, room.get(info.offset, 0)) for info in infos)


def _with_size(info: GgufTensor, room_bytes: int) -> GgufTensor:
    kind = TENSOR_TYPES.get(info.type_id)
    size = kind.size_bytes(info.n_elements) if kind else room_bytes
    return GgufTensor(info.name, info.shape, info.type_id, info.offset, size)
