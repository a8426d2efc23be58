"""The recording proxy as a whole: a server in front of the upstream, until it is told to stop."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex
from threading import Lock
from typing import TYPE_CHECKING

from autotune.recording.events import Event, Listener, Listening, Stopped, Stopping, Totals
from autotune.recording.files import CaptureFiles, Per
from autotune.recording.forward import Forwarder
from autotune.recording.listen import refuse_loop, url_of
from autotune.recording.reading import Reading
from autotune.recording.recorder import Recorder
from autotune.recording.threads import Threads
from autotune.recording.upstream import Upstream

if TYPE_CHECKING:
    import uvicorn

GRACE_S = 10.0
"""How long requests under way may go on after the proxy was told to stop."""

_CLIENT_KEEPALIVE_S = 75
"""Longer than agents keep idle connections, so that they close first and meet no closed one."""

_POLL_S = 0.1
_NAME_BYTES = 3
"""Randomness in the names of sessions: recordings of one folder do not share them."""


@dataclass(frozen=True, slots=True)
class RecordingOptions:
    """What to record and where to."""

    upstream: Upstream
    folder: Path
    per: Per
    limit_bytes: int


@dataclass(eq=False)
class Recording:
    """A proxy that is ready to run, at `url`; `stop` is for signal handlers and other threads."""

    options: RecordingOptions
    socket: socket.socket
    grace_s: float = GRACE_S
    url: str = field(init=False)
    recorder: Recorder = field(init=False)
    _listener: Listener | None = None
    _stops: int = 0
    _telling: Lock = field(default_factory=Lock)

    def __post_init__(self) -> None:
        """Raises `UserError` when the folder cannot be written to, or the upstream is ourselves."""
        self.url = url_of(self.socket)
        refuse_loop(self.socket, self.options.upstream)
        options = self.options
        files = CaptureFiles(options.folder, options.per, options.limit_bytes, _utc_now)
        files.prepare()
        threads = Threads(f"rec-{token_hex(_NAME_BYTES)}", files.forget)
        self.recorder = Recorder(Reading(threads), files, self._tell)

    def _tell(self, event: Event | None) -> None:
        with self._telling:
            if self._listener is not None:
                self._listener(event)

    @property
    def totals(self) -> Totals:
        """Counts so far."""
        return self.recorder.totals

    def stop(self) -> None:
        """No new requests, and the end of those under way; a second time, without waiting."""
        self._stops += 1

    @property
    def forced(self) -> bool:
        """Whether it was told to stop without waiting."""
        return self._stops > 1

    def run(self, listener: Listener | None = None) -> Stopped:
        """Forwards and records until it is stopped; all is written when it returns.

        `listener` hears every event, one at a time, from this thread or the recorder's own.
        """
        self._listener = listener
        self.recorder.start()
        try:
            asyncio.run(self._serve())
        finally:
            self.recorder.close()
            self.socket.close()
        stopped = _stopped(self.totals, str(self.options.folder))
        self._tell(stopped)
        return stopped

    async def _serve(self) -> None:
        forwarder = Forwarder(self.options.upstream, self.recorder)
        server = _server(forwarder)
        await forwarder.warm_up()
        serving = asyncio.create_task(server.serve(sockets=[self.socket]))
        try:
            while not server.started and not serving.done():
                await asyncio.sleep(0)
            options = self.options
            self._tell(Listening(self.url, str(options.upstream), str(options.folder)))
            await self._until_stopped(serving)
            server.should_exit = True
            await self._until_ended(serving)
            await self._cut_rest(server)
            await serving
        finally:
            await forwarder.aclose()

    async def _until_stopped(self, serving: asyncio.Task[None]) -> None:
        while not self._stops and not serving.done():
            await asyncio.sleep(_POLL_S)

    async def _until_ended(self, serving: asyncio.Task[None]) -> None:
        """Until the last request has ended, the time is up or the stop is said again."""
        self._tell(Stopping(self.totals.under_way))
        deadline_s = asyncio.get_running_loop().time() + self.grace_s
        while not self.forced and not serving.done():
            if asyncio.get_running_loop().time() > deadline_s:
                return
            await asyncio.sleep(_POLL_S)

    async def _cut_rest(self, server: uvicorn.Server) -> None:
        """Ends the requests that are still under way; they are recorded as cut."""
        tasks = list(server.server_state.tasks)
        server.force_exit = True
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def _server(forwarder: Forwarder) -> uvicorn.Server:
    """A server that adds nothing to replies, logs nothing and leaves signals alone."""
    import uvicorn

    class Server(uvicorn.Server):
        @contextmanager
        def capture_signals(self) -> Iterator[None]:
            yield

    config = uvicorn.Config(
        forwarder,
        interface="asgi3",
        lifespan="off",
        ws="none",
        log_config=None,
        log_level="critical",
        access_log=False,
        server_header=False,
        date_header=False,
        proxy_headers=False,
        timeout_keep_alive=_CLIENT_KEEPALIVE_S,
    )
    return Server(config)


def _stopped(totals: Totals, folder: str) -> Stopped:
    return Stopped(
        folder=folder,
        requests=totals.requests,
        turns=totals.turns,
        sessions=totals.sessions,
        not_recorded=dict(totals.not_recorded),
        deepest_tokens=totals.deepest_tokens,
        ttft_p50_ms=totals.ttft_p50_ms,
    )
