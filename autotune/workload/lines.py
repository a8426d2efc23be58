"""JSON lines from plain, gzip or zstandard files, one object at a time, damage counted."""

from __future__ import annotations

import gzip
import io
import json
import zlib
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isinf
from pathlib import Path
from typing import IO, Any, Never

from autotune.errors import UserError
from autotune.workload.damage import DamageKind, DamageLedger

GZIP_MAGIC = b"\x1f\x8b"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
ZIP_MAGIC = b"PK\x03\x04"
BOM = b"\xef\xbb\xbf"

LONG_LINE_BYTES = 4 * 1024 * 1024
"""Lines above this are read like any other and mentioned."""

MAX_LINE_BYTES = 512 * 1024 * 1024
"""Lines above this are skipped: no request is that long, and memory is not endless."""


@dataclass(frozen=True, slots=True)
class CaptureFile:
    """A file to read: `path` on disk, `name` as damage and reports call it."""

    path: Path
    name: str


@dataclass(frozen=True, slots=True)
class JsonLine:
    """One object of a file; `number` counts lines from 1."""

    number: int
    value: dict[str, Any]


@contextmanager
def open_capture(path: Path) -> Iterator[IO[bytes]]:
    """The decompressed bytes of `path`; compression is told by its magic, not its name.

    Raises:
        UserError: the file cannot be opened, or is a zip archive.
    """
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UserError(
            f"cannot read {path}: {error.strerror or error}", "check the path and its permissions"
        ) from error
    with raw:
        head = raw.read(4)
        raw.seek(0)
        if head == ZIP_MAGIC:
            raise UserError(f"{path} is a zip archive", "unpack it and give the folder")
        with _decompressed(raw, head) as stream:
            yield stream


@contextmanager
def _decompressed(raw: IO[bytes], head: bytes) -> Iterator[IO[bytes]]:
    if head.startswith(GZIP_MAGIC):
        with gzip.GzipFile(fileobj=raw) as unzipped:
            yield io.BufferedReader(unzipped)
    elif head == ZSTD_MAGIC:
        import zstandard

        reader = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True)
        with reader:
            yield io.BufferedReader(reader)
    else:
        yield raw


def read_objects(file: CaptureFile, ledger: DamageLedger) -> Generator[JsonLine, None, None]:
    """Every JSON object of `file`, one a line; whatever is not one goes to `ledger`.

    Memory is bounded by one line. Raises `UserError` as `open_capture` does.
    """
    with open_capture(file.path) as stream:
        for number, line in _read_lines(file, stream, ledger):
            value = _parse(file, number, line, ledger)
            if value is not None:
                yield JsonLine(number, value)


def _read_lines(
    file: CaptureFile, stream: IO[bytes], ledger: DamageLedger
) -> Iterator[tuple[int, bytes]]:
    """Lines that are not blank, with their numbers; a compressed stream may end in the middle."""
    number = 0
    while True:
        number += 1
        line, torn = _next_line(stream)
        if torn:
            ledger.add(file.name, DamageKind.TORN_FILE, number, torn)
            return
        if not line:
            return
        if len(line) > MAX_LINE_BYTES:
            ledger.add(file.name, DamageKind.OVERLONG_LINE, number)
            _skip_line(stream)
            continue
        if number == 1 and line.startswith(BOM):
            ledger.add(file.name, DamageKind.BOM, number)
            line = line.removeprefix(BOM)
        if line.endswith(b"\r\n"):
            ledger.add(file.name, DamageKind.CRLF, number)
        if len(line) > LONG_LINE_BYTES:
            ledger.add(file.name, DamageKind.LONG_LINE, number, f"{len(line)} bytes, read")
        if line.strip():
            yield number, line


def _next_line(stream: IO[bytes]) -> tuple[bytes, str]:
    """The next line with its newline, or why the compressed stream cannot go on."""
    import zstandard

    try:
        return stream.readline(MAX_LINE_BYTES + 1), ""
    except (EOFError, zlib.error, gzip.BadGzipFile, zstandard.ZstdError) as error:
        return b"", f"compressed data ends early or is corrupt: {error}"


def _skip_line(stream: IO[bytes]) -> None:
    line, torn = _next_line(stream)
    while not torn and line and not line.endswith(b"\n"):
        line, torn = _next_line(stream)


def _parse(
    file: CaptureFile, number: int, line: bytes, ledger: DamageLedger
) -> dict[str, Any] | None:
    try:
        value = DECODER.decode(line.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        ledger.add(file.name, _broken_kind(line, error), number, why_broken(error))
        return None
    if not isinstance(value, dict):
        ledger.add(file.name, DamageKind.NOT_AN_OBJECT, number, type(value).__name__)
        return None
    return value


def refuse_constant(name: str) -> Never:
    """``NaN`` and its like, which Python reads and JSON does not have. Raises `ValueError`."""
    raise ValueError(f"{name} is not JSON")


def finite(text: str) -> float:
    """A JSON number with a fraction or an exponent. Raises `ValueError` where it has no end."""
    value = float(text)
    if isinf(value):
        raise ValueError("a number too large to hold")
    return value


# One for all lines: `json.loads` with an argument makes a decoder anew each time.
DECODER = json.JSONDecoder(parse_constant=refuse_constant, parse_float=finite)


def _broken_kind(line: bytes, error: Exception) -> DamageKind:
    """Only the last line of a file has no newline: what does not parse there was cut off."""
    if not line.endswith(b"\n"):
        return DamageKind.TORN_LINE
    if isinstance(error, UnicodeDecodeError):
        return DamageKind.BAD_ENCODING
    return DamageKind.BAD_JSON


def why_broken(error: Exception) -> str:
    """A reason without any text of the file."""
    if isinstance(error, json.JSONDecodeError):
        return f"{error.msg} at column {error.colno}"
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)
