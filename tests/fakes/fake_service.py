"""A hosted service on loopback: routed, priced, limited and sometimes failing, over a real socket.

It speaks chat completions as OpenRouter does: comments while it queues, usage and metadata in the
last message, errors behind HTTP 200. A token is a word; its cache is the longest prompt seen.
"""

from __future__ import annotations

import json
import socketserver
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

PRICING = {
    "prompt": "0.000002",
    "completion": "0.00001",
    "input_cache_read": "0.0000002",
    "input_cache_write": "0.0000025",
}
MODEL = {"id": "maker/model", "pricing": PRICING}


class Turn:
    """How one request is answered; the default is a good reply.

    `status` and `headers` refuse it; `error` breaks it after two words; `provider` serves it.
    """

    def __init__(
        self,
        status: int = 200,
        *,
        headers: dict[str, str] | None = None,
        message: str = "no",
        error: bool = False,
        usage: bool = True,
        provider: str | None = "Alpha",
        whole: bool = False,
        cost: float | None = None,
        reasoning_tokens: int = 0,
    ) -> None:
        self.status, self.headers, self.message = status, headers or {}, message
        self.error, self.usage, self.provider = error, usage, provider
        self.whole, self.cost, self.reasoning_tokens = whole, cost, reasoning_tokens


class FakeService:
    """Answers each request with the next of `turns`, then with good replies."""

    def __init__(self, *turns: Turn, key: str | None = None) -> None:
        self.turns = list(turns)
        self.key = key
        self.models: list[dict[str, Any]] | None = [MODEL]
        self.endpoints: list[dict[str, Any]] = []
        self.prefix = "/v1"
        self.bodies: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.seen: list[list[str]] = []
        self.on_post: Callable[[int], None] = lambda number: None
        self._server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"owner": self}))
        self._server.daemon_threads = False
        self.url = f"http://localhost:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def cached(self, words: list[str]) -> int:
        shared = max((_common(words, known) for known in self.seen), default=0)
        self.seen.append(words)
        return min(shared, len(words) - 1)


class _Server(ThreadingHTTPServer):
    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)


def _common(one: list[str], other: list[str]) -> int:
    shared = 0
    for left, right in zip(one, other, strict=False):
        if left != right:
            break
        shared += 1
    return shared


class _Handler(BaseHTTPRequestHandler):
    owner: FakeService
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def log_message(self, format: str, *args: Any) -> None:
        pass

    def do_GET(self) -> None:
        if not self._allowed():
            return
        if self.path == f"{self.owner.prefix}/models" and self.owner.models is not None:
            self._json(200, {"data": self.owner.models})
        elif self.path.endswith("/endpoints"):
            self._json(200, {"data": {"endpoints": self.owner.endpoints}})
        else:
            self._json(404, {"error": {"message": "no such path"}})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.owner.bodies.append(body)
        self.owner.headers.append(dict(self.headers))
        self.owner.on_post(len(self.owner.bodies))
        if not self._allowed():
            return
        turn = self.owner.turns.pop(0) if self.owner.turns else Turn()
        if turn.status != 200:
            self._json(turn.status, {"error": {"message": turn.message}}, turn.headers)
        elif turn.whole:
            self._json(200, {"choices": [{"message": {"content": "hi"}}]})
        else:
            self._stream(body, turn)

    def _allowed(self) -> bool:
        given = self.headers.get("Authorization")
        if self.owner.key is None or given == f"Bearer {self.owner.key}":
            return True
        told = {"error": {"message": f"bad key {given}"}}
        self._json(401, told)
        return False

    def _json(self, status: int, body: Any, headers: dict[str, str] | None = None) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _stream(self, body: dict[str, Any], turn: Turn) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        self._raw(b": OPENROUTER PROCESSING\n\n")
        self._event({"choices": [{"delta": {"role": "assistant", "content": ""}}]})
        asked = body.get("max_tokens") or body.get("max_completion_tokens") or 1
        for at in range(asked):
            if turn.error and at == 2:
                choices = [{"delta": {}, "finish_reason": "error"}]
                self._event({"choices": choices, "error": {"code": 502, "message": "lost"}})
                break
            self._event({"choices": [{"delta": {"content": f"w{at} "}}]})
        else:
            self._finish(body, turn, asked)
        self._raw(b"")

    def _finish(self, body: dict[str, Any], turn: Turn, asked: int) -> None:
        self._event({"choices": [{"delta": {}, "finish_reason": "stop"}]})
        last: dict[str, Any] = {"choices": []}
        words = json.dumps(body["messages"]).split()
        cached = self.owner.cached(words)
        if turn.usage:
            details = {"cached_tokens": cached, "cache_write_tokens": len(words) - cached}
            last["usage"] = {
                "prompt_tokens": len(words),
                "completion_tokens": asked + turn.reasoning_tokens,
                "prompt_tokens_details": details,
                "completion_tokens_details": {"reasoning_tokens": turn.reasoning_tokens},
            } | ({} if turn.cost is None else {"cost": turn.cost})
        if turn.provider is not None:
            chosen = {"provider": turn.provider, "selected": True}
            last["openrouter_metadata"] = {"endpoints": {"available": [chosen]}}
        self._event(last)
        self._raw(b"data: [DONE]\n\n")

    def _event(self, value: dict[str, Any]) -> None:
        self._raw(f"data: {json.dumps(value)}\n\n".encode())

    def _raw(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
        self.wfile.flush()
