"""One request and its reply as they passed: bytes and stamps, not yet read."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.recording.apis import Api
from autotune.recording.hints import NO_HINTS, Hints

StampedBytes = tuple[float, bytes]
"""Arrival on the monotonic clock in seconds, and the bytes that arrived."""


CLIENT_GONE = "the client went away"
RECORDER_STOPPED = "the recorder was stopped"


@dataclass(frozen=True, slots=True)
class Exchange:
    """What passed through, whole or cut.

    `started_ms` is UTC since 1970 and `started_s` the same moment on the monotonic clock: when the
    request arrived. `status` is 0 when no answer came. `failure` says what cut the reply short.
    `secrets` are values that nothing may be written with.
    """

    api: Api
    started_ms: float
    started_s: float
    ended_s: float
    request: bytes
    request_encoding: str = ""
    status: int = 0
    content_type: str = ""
    content_encoding: str = ""
    chunks: tuple[StampedBytes, ...] = ()
    failure: str | None = None
    hints: Hints = NO_HINTS
    secrets: tuple[str, ...] = ()

    @property
    def held_bytes(self) -> int:
        """What it costs to keep."""
        return len(self.request) + sum(len(data) for _, data in self.chunks)

    @property
    def latency_ms(self) -> float:
        """From the request's arrival to the last byte of its reply."""
        return (self.ended_s - self.started_s) * 1000.0

    @property
    def ended_ms(self) -> float:
        """When the reply ended, UTC since 1970."""
        return self.started_ms + self.latency_ms
