"""A small HTTP server that answers as it is told, byte by byte, and remembers what it was sent.

Each path has a script: a function that gets an `Answering` and writes to it. Everything is on the
wire exactly as written: no headers are added, nothing is buffered.
"""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Received:
    """One request as it arrived."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes

    def header(self, name: str) -> str | None:
        return next((v for k, v in self.headers if k.lower() == name.lower()), None)


class Answering:
    """The server's side of one request."""

    def __init__(self, handler: BaseHTTPRequestHandler, received: Received) -> None:
        self.received = received
        self._handler = handler

    def raw(self, data: bytes) -> None:
        self._handler.wfile.write(data)
        self._handler.wfile.flush()

    def head(self, status: int = 200, *headers: str) -> None:
        lines = [f"HTTP/1.1 {status} Said", *headers, "", ""]
        self.raw("\r\n".join(lines).encode())

    def chunk(self, data: bytes) -> None:
        self.raw(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self) -> None:
        self.raw(b"0\r\n\r\n")

    def whole(self, body: bytes, status: int = 200, *headers: str) -> None:
        self.head(status, f"Content-Length: {len(body)}", *headers)
        self.raw(body)

    def json(self, value: Any, status: int = 200, *headers: str) -> None:
        self.whole(json.dumps(value).encode(), status, "Content-Type: application/json", *headers)

    def stream(self, chunks: Iterable[bytes], *headers: str) -> None:
        self.head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked", *headers)
        for data in chunks:
            self.chunk(data)
        self.end()

    def hang_up(self) -> None:
        """Closes the connection as a process that dies does."""
        self._handler.close_connection = True
        self._handler.connection.shutdown(socket.SHUT_RDWR)

    def client_left(self, timeout_s: float) -> bool:
        """Whether the other side closes its connection in time."""
        self._handler.connection.settimeout(timeout_s)
        try:
            return self._handler.connection.recv(1) == b""
        except TimeoutError:
            return False
        except OSError:
            return True


Script = Callable[[Answering], None]


@dataclass
class FakeUpstream:
    """A context manager; `scripts` by path (without query), `received` in order of arrival."""

    scripts: dict[str, Script] = field(default_factory=dict)
    received: list[Received] = field(default_factory=list)
    gone: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> FakeUpstream:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self) -> None:
                headers = tuple(self.headers.items())
                received = Received(self.command, self.path, headers, _body(self))
                fake.received.append(received)
                script = fake.scripts.get(self.path.partition("?")[0], _not_found)
                try:
                    script(Answering(self, received))
                except OSError:
                    self.close_connection = True

            def log_message(self, *_: Any) -> None:
                return None

        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
            setattr(Handler, f"do_{method}", Handler.answer)

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                return None

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"


def _body(handler: BaseHTTPRequestHandler) -> bytes:
    if handler.headers.get("Transfer-Encoding", "").lower() == "chunked":
        return b"".join(iter(lambda: _chunk(handler), b""))
    return handler.rfile.read(int(handler.headers.get("Content-Length", 0)))


def _chunk(handler: BaseHTTPRequestHandler) -> bytes:
    size = int(handler.rfile.readline(), 16)
    data = handler.rfile.read(size)
    handler.rfile.readline()
    return data


def _not_found(answer: Answering) -> None:
    answer.json({"error": {"message": "no such path"}}, 404)


def sse(*values: Any, done: bool = True) -> list[bytes]:
    """Values as the events of an OpenAI stream, one chunk each."""
    chunks = [b"data: " + json.dumps(value).encode() + b"\n\n" for value in values]
    return [*chunks, b"data: [DONE]\n\n"] if done else chunks


def named_events(*values: Any) -> list[bytes]:
    """Values as the events of Anthropic's and the Responses stream: named by their type."""
    return [f"event: {value['type']}\ndata: {json.dumps(value)}\n\n".encode() for value in values]


def chat_chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> dict[str, Any]:
    """One chunk of a chat stream."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return {"id": "c1", "model": "m", "choices": [choice], **more}


def chat_stream(text: str = "Hello there", prompt_tokens: int = 11, **more: Any) -> list[bytes]:
    """A chat stream: a role chunk, `text` word by word, the finish with its usage."""
    words = [chat_chunk({"content": word}) for word in text.split(" ")]
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": len(words), **more}
    return sse(
        chat_chunk({"role": "assistant", "content": ""}),
        *words,
        chat_chunk({}, "stop"),
        {"id": "c1", "choices": [], "usage": usage},
    )


def speak(*texts: str) -> Script:
    """A chat script that says one text after another, word by word, and the last one for ever."""
    left = list(texts) or ["Hello there"]

    def answer(answering: Answering) -> None:
        text = left.pop(0) if len(left) > 1 else left[0]
        answering.stream(chat_stream(text))

    return answer
