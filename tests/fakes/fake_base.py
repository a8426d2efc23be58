"""What the fakes of whole engines share: routes, server-sent events, words as tokens.

Standard library only. A token is a word; `render` and `reply_words` are those of ``fake_engine``.
"""

from __future__ import annotations

import json
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from fake_engine import render, reply_words

__all__ = ["Fake", "Handler", "Server", "common", "render", "reply_words"]


def common(a: list[str], b: list[str]) -> int:
    """How many leading words two prompts share."""
    return next(
        (i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b))
    )


class Fake:
    """One engine: subclasses answer `get` and `post`. `running` counts requests under way."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = set(faults)
        self.lock = threading.Lock()
        self.running = 0

    def acts(self, fault: str) -> bool:
        """Whether this fault was asked for."""
        return fault in self.faults

    def get(self, path: str) -> tuple[int, Any]:
        """Status and JSON body; ``None`` is an empty body."""
        raise NotImplementedError

    def post(self, path: str, body: dict[str, Any], out: Handler) -> None:
        """Answer by `out.json`, or by a stream."""
        raise NotImplementedError


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    fake: Fake

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        self.json(*self.fake.get(self.path))

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        with self.fake.lock:
            self.fake.running += 1
        try:
            self.fake.post(self.path, json.loads(data or b"{}"), self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True
        finally:
            with self.fake.lock:
                self.fake.running -= 1

    def json(self, status: int, body: Any) -> None:
        """A whole answer."""
        data = b"" if body is None else json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def begin(self) -> None:
        """The headers of a stream."""
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def event(self, **chunk: Any) -> None:
        """One ``data:`` line."""
        self.raw(b"data: " + json.dumps(chunk).encode() + b"\n\n")

    def delta(self, finish: str | None = None, **delta: Any) -> None:
        """A chunk with one choice."""
        self.event(choices=[{"index": 0, "delta": delta, "finish_reason": finish}])

    def end(self) -> None:
        """``[DONE]`` and the end of the body."""
        self.raw(b"data: [DONE]\n\n")
        self.raw(b"")

    def raw(self, data: bytes) -> None:
        """One HTTP chunk; an empty one ends the body."""
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()


class Server(ThreadingHTTPServer):
    """Binds without asking the name service who we are."""

    daemon_threads = True

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)
