"""Server-sent events, cut out of stamped bytes after the stream has ended.

The client does nothing but stamp and keep bytes while the engine decodes; this module does the
rest, so that parsing takes no CPU from the engine and no time from the measurement.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

StampedBytes = tuple[float, bytes]
"""Arrival on the monotonic clock in seconds, and the bytes that arrived."""

DONE = "[DONE]"


@dataclass(frozen=True, slots=True)
class SseEvent:
    """One event. `at_s` is when the last byte of its last data line arrived."""

    at_s: float
    data: str
    is_error: bool = False


class _Clock:
    """When the byte at an offset of the joined stream arrived."""

    def __init__(self, chunks: Sequence[StampedBytes]) -> None:
        self._ends = list(accumulate(len(data) for _, data in chunks))
        self._stamps = [at_s for at_s, _ in chunks]

    def at(self, end: int) -> float:
        return self._stamps[bisect_left(self._ends, end)]


def _lines(chunks: Sequence[StampedBytes]) -> Iterator[tuple[float, bytes]]:
    """Lines with the arrival of their last content byte; LF, CRLF and CR all end a line."""
    clock = _Clock(chunks)
    offset = 0
    for raw in b"".join(data for _, data in chunks).splitlines(keepends=True):
        line = raw.rstrip(b"\r\n")
        yield clock.at(max(offset + len(line), 1)), line
        offset += len(raw)


def _field(line: bytes) -> tuple[str, str]:
    """``data: x`` -> ``("data", "x")``: one leading space belongs to the syntax."""
    name, _, value = line.decode("utf-8", errors="replace").partition(":")
    return name, value.removeprefix(" ")


def parse_events(chunks: Sequence[StampedBytes]) -> list[SseEvent]:
    """Every event that carries data, in order; comments (``: ping``) are left out.

    An ``event: error`` and llama.cpp's older ``error: {...}`` line are marked as errors. A last
    event without its blank line is kept: some servers end on ``data: [DONE]``.
    """
    events: list[SseEvent] = []
    data: list[str] = []
    at_s, is_error = 0.0, False
    for stamp, line in [*_lines(chunks), (0.0, b"")]:
        if not line:
            if data:
                events.append(SseEvent(at_s, "\n".join(data), is_error))
            data, is_error = [], False
            continue
        name, value = _field(line)
        if name in ("data", "error"):
            data.append(value)
            at_s = stamp
        is_error = is_error or name == "error" or (name == "event" and value == "error")
    return events
