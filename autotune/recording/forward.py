"""Every request passed on as it came, every reply passed back as it comes.

An ASGI application without anything in between: a reply goes to the client piece by piece, each
as soon as it is here, its bytes as they are. The tap keeps a reference to each piece and its
stamp; nothing is read until the request has ended.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from autotune.recording.apis import Header, error_body, recorded_api, speaks_anthropic
from autotune.recording.exchange import CLIENT_GONE, RECORDER_STOPPED
from autotune.recording.headers import readable_only, through, to_upstream
from autotune.recording.tap import Tap
from autotune.recording.upstream import Upstream

if TYPE_CHECKING:
    import httpx

AsgiMessage = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[AsgiMessage]]
Send = Callable[[AsgiMessage], Awaitable[None]]

CONNECT_TIMEOUT_S = 10.0
KEEPALIVE_S = 4.0
"""Idle connections to the upstream live shorter than the 5 s of most servers, so that a request
is not sent into one that is being closed."""

_BAD_GATEWAY, _GATEWAY_TIMEOUT = 502, 504


class ClientGoneError(Exception):
    """The client went away before it had sent the whole request."""


class Sink(Protocol):
    """Where ended requests go. Called on the event loop: nothing here may wait."""

    def begun(self) -> None:
        """A request arrived."""

    def ended(self, tap: Tap | None, failure: str | None) -> None:
        """It ended, cut short by `failure` if that is given; `tap` is set where it is recorded."""

    def asked_without(self, encodings: tuple[str, ...]) -> None:
        """The upstream was not told that the client takes these content encodings."""


@dataclass
class Forwarder:
    """The ASGI application. `aclose` it when the server has stopped."""

    upstream: Upstream
    sink: Sink
    connect_timeout_s: float = CONNECT_TIMEOUT_S

    @cached_property
    def transport(self) -> httpx.AsyncHTTPTransport:
        """The connections to the upstream: no redirects, no cookies, no headers of its own."""
        import httpx

        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=None, keepalive_expiry=KEEPALIVE_S
        )
        # Certificates take 30 ms to load, which plain HTTP need not wait for.
        return httpx.AsyncHTTPTransport(limits=limits, verify=self.upstream.scheme == "https")

    async def warm_up(self) -> None:
        """Loads what the first request would wait for otherwise: some 100 ms of imports."""
        import anyio

        _ = self.transport
        await anyio.sleep(0)

    async def aclose(self) -> None:
        """Closes the connections to the upstream."""
        await self.transport.aclose()

    async def __call__(self, scope: AsgiMessage, receive: Receive, send: Send) -> None:
        """One request from its arrival to the last byte of its reply."""
        if scope["type"] != "http":
            return
        api = recorded_api(scope["method"], scope["raw_path"])
        tap = Tap(api, scope["headers"], scope["query_string"]) if api else None
        self.sink.begun()
        failure: str | None = RECORDER_STOPPED
        try:
            failure = await self._pass(_Passage(scope, receive, send, tap))
        finally:
            self.sink.ended(tap, failure)

    async def _pass(self, passage: _Passage) -> str | None:
        """Forwards, and stops the upstream's work as soon as the client goes away."""
        work = asyncio.create_task(self._forward(passage))
        watch = asyncio.create_task(passage.client_gone())
        try:
            await asyncio.wait({work, watch}, return_when=asyncio.FIRST_COMPLETED)
            return await work if work.done() else CLIENT_GONE
        finally:
            await _cancelled(work, watch)

    async def _forward(self, passage: _Passage) -> str | None:
        """What cut the reply short; ``None`` when it is whole."""
        import httpx

        try:
            response = await self.transport.handle_async_request(self._request(passage))
        except ClientGoneError:
            return CLIENT_GONE
        except httpx.TransportError as error:
            return await passage.refuse(*_refusal(error, self.upstream))
        try:
            return await passage.reply(response)
        except httpx.TransportError as error:
            return f"the upstream broke off: {type(error).__name__}"
        finally:
            await response.aclose()

    def _request(self, passage: _Passage) -> httpx.Request:
        import httpx

        headers = passage.headers
        if passage.tap is not None:
            headers, struck = readable_only(headers)
            if struck:
                self.sink.asked_without(struck)
        limits = {"connect": self.connect_timeout_s, "read": None, "write": None, "pool": None}
        target = self.upstream.target(passage.scope["raw_path"], passage.scope["query_string"])
        return httpx.Request(
            passage.scope["method"],
            self.upstream.origin,
            headers=to_upstream(headers, self.upstream.netloc.encode("ascii")),
            stream=_upload(passage),
            extensions={"timeout": limits, "target": target},
        )


@dataclass
class _Passage:
    """One request between its client and the upstream."""

    scope: AsgiMessage
    receive: Receive
    send: Send
    tap: Tap | None
    uploaded: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def headers(self) -> list[Header]:
        """The client's headers, names in lower case."""
        headers: list[Header] = self.scope["headers"]
        return headers

    async def body(self) -> AsyncGenerator[bytes, None]:
        """The request's body as it arrives. Raises `ClientGoneError`."""
        more = True
        while more:
            message = await self.receive()
            if message["type"] == "http.disconnect":
                raise ClientGoneError
            data: bytes = bytes(message.get("body", b""))
            more = message.get("more_body", False)
            if data:
                if self.tap is not None:
                    self.tap.sent(data)
                yield data
        self.uploaded.set()

    async def client_gone(self) -> None:
        """Returns when the client has closed its connection."""
        await self.uploaded.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass

    async def reply(self, response: httpx.Response) -> str | None:
        """Sends the reply on, piece by piece. Raises `httpx.TransportError` when it breaks off."""
        import httpx

        self.uploaded.set()  # an answer may come before all of the request was wanted
        headers = through(response.headers.raw)
        if self.tap is not None:
            self.tap.answered(response.status_code, headers)
        await self._start(response.status_code, headers)
        stream = response.stream
        assert isinstance(stream, httpx.AsyncByteStream)
        async for data in stream:
            if self.tap is not None:
                self.tap.received(data)
            await self.send({"type": "http.response.body", "body": data, "more_body": True})
        await self.send({"type": "http.response.body", "body": b"", "more_body": False})
        return None

    async def refuse(self, status: int, code: str, message: str) -> str:
        """Answers for an upstream that did not."""
        body = error_body(
            anthropic=speaks_anthropic(self.scope["raw_path"], self.headers),
            code=code,
            message=message,
        )
        length = str(len(body)).encode()
        await self._start(
            status, [(b"content-type", b"application/json"), (b"content-length", length)]
        )
        await self.send({"type": "http.response.body", "body": body, "more_body": False})
        return message

    async def _start(self, status: int, headers: list[Header]) -> None:
        await self.send({"type": "http.response.start", "status": status, "headers": headers})


async def _cancelled(*tasks: asyncio.Task[Any]) -> None:
    """Ends `tasks`; a connection to the upstream closes with the task that reads it."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _upload(passage: _Passage) -> httpx.AsyncByteStream:
    """The request's body as a stream for the upstream."""
    import httpx

    class Upload(httpx.AsyncByteStream):
        async def __aiter__(self) -> AsyncIterator[bytes]:
            async with aclosing(passage.body()) as pieces:
                async for data in pieces:
                    yield data

    return Upload()


def _refusal(error: httpx.TransportError, upstream: Upstream) -> tuple[int, str, str]:
    """Status, code and message for an upstream that gave no answer."""
    import httpx

    where = upstream.origin
    if isinstance(error, httpx.TimeoutException):
        return _GATEWAY_TIMEOUT, "gateway_timeout", f"{where} does not answer: timed out"
    if isinstance(error, httpx.ConnectError):
        return _BAD_GATEWAY, "bad_gateway", f"cannot connect to {where}: {error}"
    return _BAD_GATEWAY, "bad_gateway", f"{where} closed the connection without an answer"
