"""The one place that knows the HTTP client library: POST a body, stream the answer's bytes.

Everything else speaks `Http`, `HttpStream` and the two exceptions below.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

import httpx

CONNECT_TIMEOUT_S = 10.0
KEEP_ALIVE_S = 2.0
"""Below the 5 s after which common servers drop an idle connection."""


class HttpBroken(Exception):  # noqa: N818 - says what happened to the connection
    """The connection was refused or ended before the answer was complete."""


class HttpSilent(Exception):  # noqa: N818 - says what the server was
    """Nothing arrived within the read timeout."""


class HttpStream:
    """An answer whose body is still arriving."""

    def __init__(self, response: httpx.Response) -> None:
        self._response = response

    @property
    def status(self) -> int:
        """The HTTP status code."""
        return self._response.status_code

    @property
    def headers(self) -> dict[str, str]:
        """The answer's headers, names in lower case."""
        return {name.lower(): value for name, value in self._response.headers.items()}

    def chunks(self) -> Iterator[bytes]:
        """The body as it arrives. Raises `HttpBroken` or `HttpSilent`."""
        with _translated():
            yield from self._response.iter_raw()

    def abort(self) -> None:
        """Break the connection from another thread: a blocked read ends with `HttpBroken`."""
        stream = self._response.extensions.get("network_stream")
        raw = stream.get_extra_info("socket") if stream is not None else None
        if isinstance(raw, socket.socket):
            with suppress(OSError):
                raw.shutdown(socket.SHUT_RDWR)


class PreparedRequest:
    """A request that is ready to be sent: nothing but the sending is left to be timed."""

    def __init__(self, client: httpx.Client, request: httpx.Request) -> None:
        self._client = client
        self._request = request

    @contextmanager
    def send(self) -> Iterator[HttpStream]:
        """Send it; the stream is open inside the block. Raises `HttpBroken` or `HttpSilent`."""
        with _translated():
            response = self._client.send(self._request, stream=True)
        try:
            yield HttpStream(response)
        finally:
            response.close()


@dataclass(frozen=True, slots=True)
class Answer:
    """A whole answer; `body` is ``None`` when it is not JSON."""

    status: int
    body: Any


class Http:
    """A connection pool. Proxies and other environment settings are ignored.

    `keep_alive` is for services behind TLS, where a new connection costs round trips that no
    agent pays. A local connection costs a fraction of a millisecond, and a server may drop an
    idle one at the very moment it is used again: llama-server was seen to, between two turns.
    """

    def __init__(self, *, read_timeout_s: float, keep_alive: bool) -> None:
        self._read_timeout_s = read_timeout_s
        self._client = httpx.Client(
            timeout=httpx.Timeout(read_timeout_s, connect=CONNECT_TIMEOUT_S),
            limits=httpx.Limits(
                max_keepalive_connections=None if keep_alive else 0, keepalive_expiry=KEEP_ALIVE_S
            ),
            trust_env=False,
        )

    def prepare_post(
        self,
        url: str,
        body: bytes,
        headers: Mapping[str, str],
        *,
        read_timeout_s: float | None = None,
    ) -> PreparedRequest:
        """A POST of JSON bytes. The answer must not be compressed: stamps are of its own bytes.

        `read_timeout_s` may be less than that of every request.
        """
        fixed = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        own_s = self._read_timeout_s if read_timeout_s is None else read_timeout_s
        request = self._client.build_request(
            "POST",
            url,
            content=body,
            headers={**headers, **fixed},
            timeout=httpx.Timeout(own_s, connect=CONNECT_TIMEOUT_S),
        )
        return PreparedRequest(self._client, request)

    def get_json(self, url: str, headers: Mapping[str, str]) -> Answer:
        """GET a JSON document. Raises `HttpBroken` or `HttpSilent`."""
        with _translated():
            response = self._client.get(url, headers=dict(headers))
        return _answer(response)

    def post_json(self, url: str, payload: Any, headers: Mapping[str, str]) -> Answer:
        """POST one JSON document and get another. Raises `HttpBroken` or `HttpSilent`."""
        with _translated():
            response = self._client.post(url, json=payload, headers=dict(headers))
        return _answer(response)

    def close(self) -> None:
        """Close every connection."""
        self._client.close()


def _answer(response: httpx.Response) -> Answer:
    try:
        return Answer(response.status_code, response.json())
    except ValueError:
        return Answer(response.status_code, None)


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise HttpBroken(f"no connection within {CONNECT_TIMEOUT_S:.0f} s") from error
    except httpx.TimeoutException as error:
        raise HttpSilent(str(error)) from error
    except httpx.TransportError as error:
        raise HttpBroken(str(error) or type(error).__name__) from error
