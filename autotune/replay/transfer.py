"""The timed part of a request: send the bytes, stamp what comes back, understand nothing."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from autotune.replay.chunks import carries_token
from autotune.replay.dialect import CHAT, Dialect
from autotune.replay.http import HttpBroken, HttpSilent, HttpStream, PreparedRequest
from autotune.replay.sse import StampedBytes, parse_events
from autotune.replay.watchdog import Watchdog


class End(StrEnum):
    """How the connection ended."""

    COMPLETE = "complete"
    BROKEN = "broken"
    SILENT = "silent"


@dataclass(slots=True)
class Transfer:
    """Stamped bytes of one answer. Stamps are `time.perf_counter` seconds."""

    sent_s: float
    end_s: float = 0.0
    status: int | None = None
    chunks: list[StampedBytes] = field(default_factory=list)
    end: End = End.COMPLETE
    error: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def body(self) -> bytes:
        """The whole answer."""
        return b"".join(data for _, data in self.chunks)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a server may be silent before the turn has failed as a hang."""

    first_token_s: float
    idle_s: float

    @property
    def longest_s(self) -> float:
        """Of either."""
        return max(self.first_token_s, self.idle_s)


class OpenStreams:
    """The streams that are being read, so that another thread can break them off."""

    def __init__(self) -> None:
        self._open: set[HttpStream] = set()
        self._lock = threading.Lock()
        self._aborted = threading.Event()

    @contextmanager
    def holding(self, stream: HttpStream) -> Iterator[None]:
        """Hold `stream` inside the block; after `abort` it is broken at once."""
        with self._lock:
            self._open.add(stream)
            if self._aborted.is_set():
                stream.abort()
        try:
            yield
        finally:
            with self._lock:
                self._open.discard(stream)

    def abort(self) -> None:
        """Break every stream, those open now and those to come."""
        with self._lock:
            self._aborted.set()
            for stream in self._open:
                stream.abort()

    def pause(self, seconds: float) -> bool:
        """Wait; whether the streams were broken off meanwhile."""
        return self._aborted.wait(seconds)


def transfer(
    request: PreparedRequest, patience: Patience, streams: OpenStreams, dialect: Dialect = CHAT
) -> Transfer:
    """Send `request` and collect its answer. Never raises for what the server does."""
    result = Transfer(sent_s=time.perf_counter())
    try:
        with request.send() as stream:
            result.status, result.headers = stream.status, stream.headers
            with streams.holding(stream):
                _collect(stream, patience, result, dialect)
    except HttpSilent:
        # The socket's own limit, which is the longer of the two, came before the watchdog's.
        started = any(_starts(data, dialect) for _, data in result.chunks)
        result.end, result.error = End.SILENT, _silence(started, patience)
    except HttpBroken as error:
        if result.end is End.COMPLETE:
            result.end, result.error = End.BROKEN, str(error)
    result.end_s = time.perf_counter()
    return result


def _collect(stream: HttpStream, patience: Patience, result: Transfer, dialect: Dialect) -> None:
    """Stamp every chunk first, then move the deadline."""
    with Watchdog(result.sent_s + patience.first_token_s, stream.abort) as watchdog:
        started = False
        try:
            for data in stream.chunks():
                now_s = time.perf_counter()
                result.chunks.append((now_s, data))
                started = started or _starts(data, dialect)
                if started and not data.startswith(b":"):  # a comment is a ping, not progress
                    watchdog.deadline_s = now_s + patience.idle_s
        finally:
            if watchdog.expired:
                result.end, result.error = End.SILENT, _silence(started, patience)


def _starts(data: bytes, dialect: Dialect) -> bool:
    """Whether the first token is in these bytes; only asked until it is."""
    read = dialect.translator()
    return any(carries_token(event.data, read) for event in parse_events([(0.0, data)]))


def _silence(started: bool, patience: Patience) -> str:
    if started:
        return f"no token for {patience.idle_s:g} s in the middle of a reply"
    return f"no first token within {patience.first_token_s:g} s"
