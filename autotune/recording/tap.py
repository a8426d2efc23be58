"""Keeps what passes, with its stamps: all that recording does while a request is under way."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field

from autotune.recording.apis import Api, Header
from autotune.recording.exchange import Exchange, StampedBytes
from autotune.recording.headers import header, secrets_of
from autotune.recording.hints import hints_of_headers

MAX_REQUEST_BYTES = 128 * 1024 * 1024
MAX_REPLY_BYTES = 256 * 1024 * 1024
"""Nothing that a model reads or writes is as long; more is passed on and not kept."""


@dataclass(slots=True)
class Tap:
    """The record of one request in the making; every method is a few list operations."""

    api: Api
    headers: Sequence[Header]
    query: bytes = b""
    started_ms: float = field(default_factory=lambda: time.time() * 1000.0)
    started_s: float = field(default_factory=time.monotonic)
    too_large: bool = False
    _request: list[bytes] = field(default_factory=list)
    _request_bytes: int = 0
    _status: int = 0
    _reply_headers: Sequence[Header] = ()
    _chunks: list[StampedBytes] = field(default_factory=list)
    _reply_bytes: int = 0

    def sent(self, data: bytes) -> None:
        """A piece of the request's body."""
        self._request_bytes += len(data)
        if self._request_bytes > MAX_REQUEST_BYTES:
            self._let_go()
        if not self.too_large:
            self._request.append(data)

    def answered(self, status: int, headers: Sequence[Header]) -> None:
        """The reply's status and headers."""
        self._status = status
        self._reply_headers = headers

    def received(self, data: bytes) -> None:
        """A piece of the reply, stamped now."""
        self._reply_bytes += len(data)
        if self._reply_bytes > MAX_REPLY_BYTES:
            self._let_go()
        if not self.too_large:
            self._chunks.append((time.monotonic(), data))

    def _let_go(self) -> None:
        self.too_large = True
        self._request.clear()
        self._chunks.clear()

    def exchange(self, failure: str | None = None) -> Exchange:
        """What was kept; `failure` says what cut it short.

        It ended with the last piece of its reply: the client may go on before the connection does.
        """
        return Exchange(
            api=self.api,
            started_ms=self.started_ms,
            started_s=self.started_s,
            ended_s=self._chunks[-1][0] if self._chunks else time.monotonic(),
            request=b"".join(self._request),
            request_encoding=header(self.headers, b"content-encoding"),
            status=self._status,
            content_type=header(self._reply_headers, b"content-type"),
            content_encoding=header(self._reply_headers, b"content-encoding"),
            chunks=tuple(self._chunks),
            failure=failure,
            hints=hints_of_headers(self.headers),
            secrets=secrets_of(self.headers, self.query),
        )
