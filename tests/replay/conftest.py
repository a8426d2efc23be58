"""A scripted HTTP server with real chunked streams, and small workloads."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from autotune.replay.endpoint import Endpoint
from autotune.workload.model import Message, Session, Turn, Workload

CLOSE = "close"
HANG = "hang"
Piece = bytes | float | str
"""Bytes are one HTTP chunk, a number is a pause in seconds, ``CLOSE`` and ``HANG`` say so."""


class Wire:
    """Pieces of a stream, as engines send them."""

    CLOSE = CLOSE
    HANG = HANG
    DONE = b"data: [DONE]\n\n"
    ROLE = b'data: {"choices":[{"delta":{"role":"assistant","content":null}}]}\n\n'

    @staticmethod
    def event(body: dict[str, Any]) -> bytes:
        return b"data: " + json.dumps(body).encode() + b"\n\n"

    @classmethod
    def delta(cls, **fields: Any) -> bytes:
        return cls.event({"choices": [{"index": 0, "delta": fields, "finish_reason": None}]})

    @classmethod
    def finish(cls, reason: str = "length") -> bytes:
        return cls.event({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})

    @classmethod
    def usage(cls, prompt: int, output: int, cached: int | None = None, **extra: Any) -> bytes:
        usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": output}
        if cached is not None:
            usage["prompt_tokens_details"] = {"cached_tokens": cached}
        return cls.event({"choices": [], "usage": usage, **extra})

    @classmethod
    def reply(cls, *words: str, prompt: int = 10, cached: int | None = 0) -> list[Piece]:
        """A whole good stream of one token a word."""
        words_sent = [cls.delta(content=word) for word in words]
        return [
            cls.ROLE,
            *words_sent,
            cls.finish(),
            cls.usage(prompt, len(words), cached),
            cls.DONE,
        ]


class ScriptedServer:
    """Answers each request with the next script; the last one stays."""

    def __init__(self) -> None:
        self.scripts: list[tuple[int, Sequence[Piece]]] = []
        self.answer: Callable[[dict[str, Any]], Sequence[Piece]] | None = None
        self.bodies: list[dict[str, Any]] = []
        self.raw: list[bytes] = []
        self.headers: list[dict[str, str]] = []
        self.released = threading.Event()
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = False
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()

    def serve(self, *scripts: Sequence[Piece], status: int = 200) -> None:
        self.scripts = [(status, script) for script in scripts]

    def next(self, body: bytes, headers: dict[str, str]) -> tuple[int, Sequence[Piece]]:
        with self._lock:
            self.raw.append(body)
            self.bodies.append(json.loads(body))
            self.headers.append(headers)
            if self.answer is not None:
                return 200, self.answer(self.bodies[-1])
            return self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _handler(owner: ScriptedServer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status, script = owner.next(body, dict(self.headers))
            if list(script) == [CLOSE]:
                self.close_connection = True
                return
            self.send_response(status)
            self.send_header("Content-Type", "text/event-stream")
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            try:
                self._play(script)
            except OSError:
                self.close_connection = True

        def _play(self, script: Sequence[Piece]) -> None:
            for piece in script:
                if isinstance(piece, bytes):
                    self.wfile.write(b"%x\r\n%s\r\n" % (len(piece), piece))
                    self.wfile.flush()
                elif isinstance(piece, str):
                    self.close_connection = True
                    if piece == HANG:
                        owner.released.wait()
                    return
                else:
                    threading.Event().wait(piece)
            self.wfile.write(b"0\r\n\r\n")

    return Handler


@pytest.fixture
def wire() -> type[Wire]:
    return Wire


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    scripted = ScriptedServer()
    yield scripted
    scripted.close()


@pytest.fixture
def endpoint(server: ScriptedServer) -> Callable[..., Endpoint]:
    """An endpoint of the scripted server; any field may be given."""

    def make(**fields: Any) -> Endpoint:
        defaults: dict[str, Any] = {
            "base_url": server.url,
            "model_name": "scripted",
            "request_fields": lambda n: {"max_tokens": n, "ignore_eos": True},
        }
        return Endpoint(**{**defaults, **fields})

    return make


def _call(at: int) -> dict[str, Any]:
    function = {"name": "read", "arguments": f'{{"path": "f{at}.py"}}'}
    return {"id": f"call{at}", "type": "function", "function": function}


def _exchange(at: int) -> tuple[Message, Message]:
    """The recorded reply of turn `at`, a tool call, and its result."""
    reply = {"role": "assistant", "content": f"said {at}", "tool_calls": [_call(at)]}
    return reply, {"role": "tool", "tool_call_id": f"call{at}", "content": f"result {at}"}


def make_session(name: str, turns: int, **fields: Any) -> Session:
    """Turns that each extend the one before by a recorded reply and a tool result."""
    messages: tuple[Message, ...] = (
        {"role": "system", "content": "be good"},
        {"role": "user", "content": f"task {name}"},
    )
    made: list[Turn] = []
    for at in range(turns):
        keep = len(made[-1].messages) if made else 0
        made.append(Turn(name, at, messages, keep=keep, **fields))
        messages = (*messages, *_exchange(at))
    return Session(name, tuple(made))


def make_workload(*sessions: Session) -> Workload:
    return Workload(sessions, digest="sha256:test")


@pytest.fixture(name="make_session")
def _make_session() -> Callable[..., Session]:
    return make_session


@pytest.fixture(name="make_workload")
def _make_workload() -> Callable[..., Workload]:
    return make_workload
