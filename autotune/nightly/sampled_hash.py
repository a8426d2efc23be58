"""Whether a large file is still the same: a look that takes a moment, and a hash that is kept.

The look (`sample`) reads the size, the beginning (a model's header, with its tokenizer and
template) and blocks spread evenly from there to the last byte: some 12 MiB of any file. Another
quantization, fine-tune or conversion changes all of it. What it cannot see is a few changed bytes
between two blocks, which is why it is never all: the hash of the whole file is kept by device,
inode, time of change and size, and is taken anew as soon as one of them or the sample is another.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from os import stat_result
from pathlib import Path
from typing import IO, Any

from autotune.errors import MachineError, UserError
from autotune.study.files import read_json, write_json

VERSION = "file-hashes/1"
KEPT = 256
"""Files remembered; beyond that the ones that were hashed first are forgotten."""

RACY_NS = 2_000_000_000
"""A file changed so lately may be changed again within the same tick of its file system's clock."""

_CHUNK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Sampling:
    """What a look reads: the beginning, and so many blocks of the rest."""

    header_bytes: int = 8 << 20
    blocks: int = 64
    block_bytes: int = 64 << 10

    def spans(self, size_bytes: int) -> tuple[tuple[int, int], ...]:
        """``(offset, length)`` of what is read after the beginning; all of it where it is small.

        The last block ends with the file.
        """
        head = min(self.header_bytes, size_bytes)
        rest = size_bytes - head
        if rest <= self.blocks * self.block_bytes:
            return ((head, rest),) if rest else ()
        last = size_bytes - self.block_bytes
        steps = max(1, self.blocks - 1)
        starts = (head + (last - head) * at // steps for at in range(self.blocks))
        return tuple((start, self.block_bytes) for start in starts)


USUAL_SAMPLING = Sampling()


@dataclass(frozen=True, slots=True)
class FileSample:
    """One look at one file; two of the same content are equal."""

    size_bytes: int
    header_sha256: str
    blocks_sha256: str

    @property
    def text(self) -> str:
        """All of it as one word."""
        return f"{self.size_bytes}-{self.header_sha256[:16]}-{self.blocks_sha256[:16]}"


def sample(path: Path, sampling: Sampling = USUAL_SAMPLING) -> FileSample:
    """A look at `path`. Raises `UserError` when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return _sample(stream, path.stat().st_size, sampling)
    except OSError as error:
        raise _unreadable(path, error) from error


def _sample(stream: IO[bytes], size_bytes: int, sampling: Sampling) -> FileSample:
    header = hashlib.sha256(stream.read(min(sampling.header_bytes, size_bytes)))
    blocks = hashlib.sha256()
    for offset, length in sampling.spans(size_bytes):
        stream.seek(offset)
        for chunk in _chunks(stream, length):
            blocks.update(chunk)
    return FileSample(size_bytes, header.hexdigest(), blocks.hexdigest())


def _chunks(stream: IO[bytes], length: int) -> Iterator[bytes]:
    while length > 0 and (chunk := stream.read(min(length, _CHUNK_BYTES))):
        length -= len(chunk)
        yield chunk


@dataclass(frozen=True, slots=True)
class Hashed:
    """One file: the SHA-256 of all of it, the look at it, and whether the hash was remembered."""

    sha256: str
    sample: FileSample
    remembered: bool


@dataclass(frozen=True, slots=True)
class _Entry:
    """What is remembered of a file; the first four are what a change of it changes."""

    size: int
    mtime_ns: int
    sample: str
    sha256: str


@dataclass(frozen=True, slots=True)
class HashCache:
    """Hashes of whole files in one small JSON file, which can be deleted at any time."""

    path: Path
    sampling: Sampling = USUAL_SAMPLING
    now_ns: Callable[[], int] = time.time_ns

    def hashed(self, file: Path) -> Hashed:
        """The hash of `file`, remembered where nothing speaks against it.

        Raises `UserError` when it cannot be read, `MachineError` when it changes meanwhile.
        """
        try:
            return self._hashed(file, file.stat())
        except OSError as error:
            raise _unreadable(file, error) from error

    def _hashed(self, file: Path, before: stat_result) -> Hashed:
        seen = sample(file, self.sampling)
        known = self._read()
        entry = known.get(_key(before))
        if entry is not None and _fits(entry, before, seen):
            return Hashed(entry.sha256, seen, remembered=True)
        with file.open("rb") as stream:
            whole = hashlib.file_digest(stream, "sha256").hexdigest()
        if _moment(file.stat()) != _moment(before):
            raise MachineError(
                f"{file} changed while it was read", "it may still be copied: look again later"
            )
        if self.now_ns() - before.st_mtime_ns >= RACY_NS:
            fresh = _Entry(before.st_size, before.st_mtime_ns, seen.text, whole)
            others = {k: e for k, e in known.items() if k != _key(before)}
            self._write({**others, _key(before): fresh})
        return Hashed(whole, seen, remembered=False)

    def _read(self) -> dict[str, _Entry]:
        """What is remembered; nothing where that is damaged, unreadable or of another version."""
        try:
            data = read_json(self.path) or {}
            rows: dict[str, Any] = data["files"] if data.get("schema_version") == VERSION else {}
            return {str(key): _Entry(**row) for key, row in rows.items()}
        except (MachineError, OSError, KeyError, TypeError, AttributeError):
            return {}

    def _write(self, known: dict[str, _Entry]) -> None:
        """A cache that cannot be written is no reason to end a night."""
        files = {key: asdict(row) for key, row in list(known.items())[-KEPT:]}
        try:
            write_json(self.path, {"schema_version": VERSION, "files": files})
        except MachineError:
            return


def _key(of: stat_result) -> str:
    return f"{of.st_dev}:{of.st_ino}"


def _moment(of: stat_result) -> tuple[int, int, int]:
    return of.st_ino, of.st_mtime_ns, of.st_size


def _fits(entry: _Entry, now: stat_result, seen: FileSample) -> bool:
    stamps = (entry.size, entry.mtime_ns) == (now.st_size, now.st_mtime_ns)
    return stamps and entry.sample == seen.text


def _unreadable(path: Path, error: OSError) -> UserError:
    reason = error.strerror or str(error)
    return UserError(f"cannot read {path}: {reason}", "check that it is there and readable")
