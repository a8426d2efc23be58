"""Server-sent events cut out of stamped bytes, after their stream has ended."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from autotune.recording.exchange import StampedBytes

DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class Event:
    """One event that carries data. `at_s` is when the end of its last data line arrived."""

    at_s: float
    data: str
    name: str = ""


def events(chunks: Iterable[StampedBytes]) -> Iterator[Event]:
    """Every event with data, in order; comments are left out.

    A last event without its blank line is kept: some servers end on ``data: [DONE]``.
    """
    data: list[str] = []
    name, at_s = "", 0.0
    for stamp, line in _lines(chunks):
        if not line:
            if data:
                yield Event(at_s, "\n".join(data), name)
            data, name = [], ""
            continue
        field, _, value = line.decode("utf-8", errors="replace").partition(":")
        value = value.removeprefix(" ")
        if field in ("data", "error"):
            # llama.cpp's older servers say `error: {...}` in place of an event's name.
            name = name or ("error" if field == "error" else "")
            data.append(value)
            at_s = stamp
        elif field == "event":
            name = value
    if data:
        yield Event(at_s, "\n".join(data), name)


def _lines(chunks: Iterable[StampedBytes]) -> Iterator[StampedBytes]:
    """Lines without their ends (LF, CRLF, CR), each with the arrival of its last byte."""
    open_parts: list[bytes] = []
    after_cr = False
    stamp = 0.0
    for stamp, data in chunks:
        if after_cr and data.startswith(b"\n"):
            data = data[1:]
        if not data:
            continue
        after_cr = data.endswith(b"\r")
        lines = data.splitlines()
        whole = data[-1:] in (b"\n", b"\r")
        for at, line in enumerate(lines):
            open_parts.append(line)
            if whole or at < len(lines) - 1:
                yield stamp, b"".join(open_parts)
                open_parts.clear()
    if open_parts:
        yield stamp, b"".join(open_parts)


def joined(chunks: Sequence[StampedBytes]) -> bytes:
    """The bytes of all chunks."""
    return b"".join(data for _, data in chunks)
