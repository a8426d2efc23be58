"""A fake engine: a real process that speaks HTTP and SSE, for faults a real engine will not show.

Standard library only. A token is a word. Each slot remembers the words it saw, so prefix reuse is
real: `cached_tokens` is the common prefix with the best slot, never the whole prompt.

    python fake_engine.py --model FILE --port 0 --ctx-size 4096 --fault die-mid-stream=2

``--fault NAME=N`` lets N chat completions pass first (default 0), unless its words say what N is.
Speed is a model, not a load: prefill takes ``--prefill-us`` a computed token, times 512 /
ubatch-size; a token ``--token-us``.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import signal
import socketserver
import subprocess
import sys
import threading
import time
import zlib
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

SETTINGS: dict[str, Any] = {
    "ctx-size": 65536,
    "parallel": 1,
    "batch-size": 2048,
    "ubatch-size": 512,
    "threads": 1,
    "cache-ram": 8192,
    "cache-reuse": 0,
    "cache-type-k": "f16",
    "cache-type-v": "f16",
    "flash-attn": "auto",
    "kv-unified": False,
    "cache-prompt": True,
    "poll": 50,
}
"""Settings it takes, with their defaults; switches have a ``--no-`` form."""

FAULTS = {
    "busy-slots": "/slots says for ever that a slot is at work",
    "cached-beyond-prompt": "reports more cached tokens than the prompt has",
    "cached-in-cold": "reports cached tokens although the request forbids the cache",
    "close-mid-stream": "drops the connection after two tokens and lives on",
    "crash-during-load": "aborts by signal while loading",
    "die-during-load": "exits 1 with a load error",
    "die-mid-stream": "the process ends after two tokens",
    "early-delta": "an empty delta before the prompt is read",
    "early-text": "a filler text before the prompt is read",
    "error-mid-stream": "an error event after two tokens",
    "fail-past": "dies as if memory ran out when a prompt has more than N words",
    "hang-first-token": "headers, then nothing",
    "hits-save-nothing": "reports hits and reads the whole prompt all the same",
    "hang-mid-stream": "two tokens, then nothing",
    "ignore-disconnect": "goes on generating for a client that hung up, one reply at a time",
    "ignore-sigterm": "SIGTERM does nothing",
    "keepalive": "an empty delta and a comment before the first token",
    "leak": "takes N bytes more for good with each chat completion",
    "leave-child": "starts a child that outlives it",
    "never-cached": "never reports a cached token",
    "never-ready": "/health says 503 for ever",
    "no-cached-field": "usage without prompt_tokens_details",
    "no-done": "no [DONE] at the end of a stream",
    "no-finish": "no finish_reason on any chunk",
    "no-timings": "no timings",
    "no-usage": "neither usage nor timings",
    "oom-during-load": "exits 1 like a KV cache that does not fit",
    "port-taken": "exits 1 like a server that cannot bind",
    "reasoning": "the first half of a reply is reasoning_content",
    "random-reply": "another reply every time",
    "refuse-tools": "HTTP 500 for a tool message, like a chat template that refuses it",
    "slow-load": "503 on /health for the first 0.3 s",
    "split-count": "counts a prompt without its role marks",
    "status-500": "HTTP 500 for a chat completion",
    "swallow-flags": "starts with flags that it does not have",
    "wrong-length": "one token fewer than asked",
    "wrong-model": "/props and /v1/models name another model",
    "wrong-settings": "reports half the ubatch-size it was asked for",
}


class RefusedError(Exception):
    """An HTTP error answer."""

    def __init__(self, status: int, body: dict[str, Any]) -> None:
        super().__init__(str(body))
        self.status, self.body = status, body


class Engine:
    """State that outlives a request: settings, faults, slots."""

    def __init__(self, args: argparse.Namespace) -> None:
        self.args = args
        self.settings = {n: getattr(args, n.replace("-", "_")) for n in SETTINGS}
        self.faults = dict(_fault(f) for f in args.fault)
        self.slots: list[list[str]] = [[] for _ in range(self.settings["parallel"])]
        self.used = [0] * len(self.slots)
        self.completions = 0
        self.lock = threading.Lock()
        self.turn = threading.Lock()
        self.leaked: list[bytes] = []
        self.started = time.monotonic()

    def fault(self, name: str) -> bool:
        """Whether this fault is due."""
        return name in self.faults and self.completions > self.faults[name]

    def acts(self, name: str) -> bool:
        """Whether this fault was asked for at all (faults that are not tied to a request)."""
        return name in self.faults

    @property
    def slot_ctx(self) -> int:
        shared = 1 if self.settings["kv-unified"] else len(self.slots)
        return int(self.settings["ctx-size"]) // shared

    def hold(self, prompt: list[str]) -> None:
        """Memory runs out past a depth, or a little more of it is gone for good."""
        if "fail-past" in self.faults and len(prompt) > self.faults["fail-past"]:
            sys.stderr.write("E ggml: failed to allocate buffer of the compute graph\n")
            sys.stderr.flush()
            os._exit(1)
        if "leak" in self.faults:
            # Random bytes: zeros need no memory before they are written.
            self.leaked.append(os.urandom(self.faults["leak"]))

    def take(self, prompt: list[str], use_cache: bool) -> tuple[int, int]:
        """The slot for `prompt` and how many of its tokens are reused."""
        with self.lock:
            self.completions += 1
            shared = [_common(prompt, s) for s in self.slots]
            slot = max(range(len(shared)), key=lambda i: (shared[i], -self.used[i]))
            self.used[slot] = self.completions
            cached = min(shared[slot], len(prompt) - 1) if use_cache else 0
        if self.fault("cached-in-cold"):
            cached = max(cached, 1)
        if self.acts("cached-beyond-prompt"):
            cached = len(prompt) + 5
        return slot, 0 if self.acts("never-cached") else cached


def _fault(text: str) -> tuple[str, int]:
    name, _, after = text.partition("=")
    if name not in FAULTS:
        raise SystemExit(f"error: unknown fault: {name}")
    return name, int(after or 0)


def _common(a: list[str], b: list[str]) -> int:
    n = 0
    for x, y in zip(a, b, strict=False):
        if x != y:
            break
        n += 1
    return n


def render(body: dict[str, Any]) -> list[str]:
    """The prompt as words: role marks, content, calls; tools first."""
    words = json.dumps(body.get("tools") or "").split()
    for message in body["messages"]:
        content = message.get("content") or ""
        text = content if isinstance(content, str) else json.dumps(content)
        calls = message.get("tool_calls")
        words += [
            f"<{message['role']}>",
            *text.split(),
            *(json.dumps(calls).split() if calls else []),
        ]
    return [*words, "<assistant>"]


def reply_words(prompt: list[str], count: int) -> list[str]:
    """Words that depend on the prompt alone."""
    seed = hashlib.sha256(" ".join(prompt).encode()).hexdigest()[:6]
    return [f"w{seed}{i}" for i in range(count)]


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    engine: Engine

    def log_message(self, format: str, *args: Any) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        routes = {
            "/health": self._health,
            "/props": self._props,
            "/settings": self._settings,
            "/slots": self._slots,
            "/v1/models": self._models,
        }
        self._answer(routes.get(self.path, self._missing))

    def do_POST(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        self.body = json.loads(self.rfile.read(length) or b"{}")
        if self.path == "/v1/chat/completions":
            self._completion()
        elif self.path == "/v1/chat/completions/input_tokens":
            self._answer(self._count)
        elif self.path == "/tokenize":
            self._answer(self._tokenize)
        else:
            self._answer(self._missing)

    def _answer(self, route: Any) -> None:
        try:
            self._json(200, route())
        except RefusedError as error:
            self._json(error.status, error.body)

    def _json(self, status: int, body: Any) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _missing(self) -> Any:
        raise _refused(404, "not_found_error", f"no such path {self.path}")

    def _health(self) -> Any:
        loading = time.monotonic() - self.engine.started < 0.3
        if self.engine.acts("never-ready") or (self.engine.acts("slow-load") and loading):
            raise _refused(503, "unavailable_error", "Loading model")
        return {"status": "ok"}

    def _model(self) -> str:
        return "/other/model.gguf" if self.engine.acts("wrong-model") else self.engine.args.model

    def _props(self) -> Any:
        return {
            "model_path": self._model(),
            "total_slots": len(self.engine.slots),
            "default_generation_settings": {"n_ctx": self.engine.slot_ctx},
        }

    def _models(self) -> Any:
        return {"object": "list", "data": [{"id": self._model()}]}

    def _slots(self) -> Any:
        if not self.engine.acts("busy-slots"):
            self._missing()
        return [{"id": 0, "is_processing": True}]

    def _settings(self) -> Any:
        told = dict(self.engine.settings)
        if self.engine.acts("wrong-settings"):
            told["ubatch-size"] //= 2
        return told

    def _count(self) -> Any:
        self._check_roles()
        words = render(self.body)
        if self.engine.acts("split-count"):
            words = [word for word in words if not word.startswith("<")]
        return {"input_tokens": len(words)}

    def _tokenize(self) -> Any:
        return {"tokens": [zlib.crc32(w.encode()) & 0x7FFFFFFF for w in render(self.body)]}

    def _check_roles(self) -> None:
        tools = any(m["role"] == "tool" for m in self.body["messages"])
        if tools and self.engine.acts("refuse-tools"):
            raise _refused(500, "server_error", "Jinja Exception: unknown role tool")

    def _completion(self) -> None:
        engine = self.engine
        prompt = render(self.body)
        try:
            self._check_roles()
            if len(prompt) >= engine.slot_ctx:
                raise _overflow(len(prompt), engine.slot_ctx)
            use_cache = self.body.get("cache_prompt", engine.settings["cache-prompt"])
            engine.hold(prompt)
            slot, cached = engine.take(prompt, use_cache)
            if engine.fault("status-500"):
                raise _refused(500, "server_error", "it broke")
        except RefusedError as error:
            self._json(error.status, error.body)
            return
        if engine.acts("ignore-disconnect"):
            with engine.turn:
                Reply(self, prompt, slot, cached).send()
        else:
            Reply(self, prompt, slot, cached).send()


class Server(ThreadingHTTPServer):
    """Binds without asking the name service who we are."""

    daemon_threads = True

    def server_bind(self) -> None:
        socketserver.TCPServer.server_bind(self)


def _refused(status: int, kind: str, message: str) -> RefusedError:
    return RefusedError(status, {"error": {"code": status, "type": kind, "message": message}})


def _overflow(tokens: int, n_ctx: int) -> RefusedError:
    text = f"request ({tokens} tokens) exceeds the available context size ({n_ctx} tokens)"
    error = _refused(400, "exceed_context_size_error", text)
    error.body["error"] |= {"n_prompt_tokens": tokens, "n_ctx": n_ctx}
    return error


class Reply:
    """One streamed (or whole) chat completion."""

    def __init__(self, handler: Handler, prompt: list[str], slot: int, cached: int) -> None:
        self.handler, self.engine = handler, handler.engine
        self.prompt, self.slot, self.cached = prompt, slot, cached
        body = handler.body
        asked = body.get("max_tokens") or body.get("max_completion_tokens")
        count = asked or 16
        if asked and not body.get("ignore_eos"):
            count = max(1, asked // 2)
        if self.engine.fault("wrong-length"):
            count -= 1
        room = self.engine.slot_ctx - len(prompt)
        told = [*prompt, os.urandom(4).hex()] if self.engine.acts("random-reply") else prompt
        self.words = reply_words(told, min(count, room))
        self.finish = "length" if asked and count >= asked else "stop"
        self.prompt_ms = self.decode_ms = 0.0

    def send(self) -> None:
        if self.handler.body.get("stream"):
            self._stream()
        else:
            self._whole()

    def _keep(self) -> None:
        """The slot holds prompt and reply. Before the client knows the end: it may ask at once."""
        with self.engine.lock:
            self.engine.slots[self.slot] = self.prompt + self.words

    def _prefill(self) -> None:
        started = time.monotonic()
        spared = 0 if self.engine.acts("hits-save-nothing") else self.cached
        computed = len(self.prompt) - spared
        scale = 512 / max(1, self.engine.settings["ubatch-size"])
        _pause(computed * self.engine.args.prefill_us * scale * 1e-6)
        self.prompt_ms = (time.monotonic() - started) * 1e3

    def _whole(self) -> None:
        self._prefill()
        self._keep()
        message = {"role": "assistant", "content": " ".join(self.words)}
        choice = {"index": 0, "message": message, "finish_reason": self.finish}
        self.handler._json(200, {"choices": [choice], **self._closing()})

    def _stream(self) -> None:
        self._headers()
        if self.engine.fault("hang-first-token"):
            _hang()
        if self.engine.acts("early-delta"):
            self._delta({"role": "assistant", "content": ""})
        if self.engine.acts("early-text"):
            self._delta({"role": "assistant", "content": "..."})
        self._prefill()
        if self.engine.fault("keepalive"):
            self._raw(b": keepalive\n\n")
            self._delta({"role": "assistant", "content": ""})
        self._delta({"role": "assistant", "content": None})
        started = time.monotonic()
        for i, word in enumerate(self.words):
            if i == 2 and self._mid_stream_fault():
                return
            self._delta({self._channel(i): word + " "})
            _pause(self.engine.args.token_us * 1e-6)
        self.decode_ms = (time.monotonic() - started) * 1e3
        self._end()

    def _channel(self, i: int) -> str:
        thinking = self.engine.acts("reasoning") and i < len(self.words) // 2
        return "reasoning_content" if thinking else "content"

    def _mid_stream_fault(self) -> bool:
        engine = self.engine
        if engine.fault("hang-mid-stream"):
            _hang()
        if engine.fault("die-mid-stream"):
            os._exit(7)
        if engine.fault("close-mid-stream"):
            self.handler.close_connection = True
            return True
        if engine.fault("error-mid-stream"):
            error = _refused(500, "server_error", "Context size has been exceeded.").body
            self._event(error)
            self._raw(b"")
            return True
        return False

    def _end(self) -> None:
        self._keep()
        if not self.engine.fault("no-finish"):
            self._event({"choices": [{"index": 0, "delta": {}, "finish_reason": self.finish}]})
        if (self.handler.body.get("stream_options") or {}).get("include_usage"):
            self._event({"choices": [], **self._closing()})
        if not self.engine.acts("no-done"):
            self._raw(b"data: [DONE]\n\n")
        self._raw(b"")

    def _closing(self) -> dict[str, Any]:
        if self.engine.acts("no-usage"):
            return {}
        n, out = len(self.prompt), len(self.words)
        usage: dict[str, Any] = {
            "prompt_tokens": n,
            "completion_tokens": out,
            "total_tokens": n + out,
        }
        if not self.engine.acts("no-cached-field"):
            usage["prompt_tokens_details"] = {"cached_tokens": self.cached}
        if self.engine.acts("no-timings"):
            return {"usage": usage}
        return {"usage": usage, "timings": self._timings()}

    def _timings(self) -> dict[str, Any]:
        told: dict[str, Any] = {
            "prompt_n": len(self.prompt) - self.cached,
            "prompt_ms": self.prompt_ms,
            "predicted_n": len(self.words),
            "predicted_ms": self.decode_ms,
        }
        if not self.engine.acts("no-cached-field"):
            told["cache_n"] = self.cached
        return told

    def _headers(self) -> None:
        self.handler.send_response(200)
        self.handler.send_header("Content-Type", "text/event-stream")
        self.handler.send_header("Transfer-Encoding", "chunked")
        self.handler.end_headers()

    def _delta(self, delta: dict[str, Any]) -> None:
        self._event({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})

    def _event(self, body: dict[str, Any]) -> None:
        self._raw(b"data: " + json.dumps(body).encode() + b"\n\n")

    def _raw(self, data: bytes) -> None:
        """One HTTP chunk; an empty one ends the body. A client that hung up ends the reply."""
        try:
            self.handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            self.handler.wfile.flush()
        except OSError:
            if not self.engine.acts("ignore-disconnect"):
                raise


def _pause(seconds: float) -> None:
    if seconds > 0:
        time.sleep(seconds)


def _hang() -> None:
    threading.Event().wait()


class Parser(argparse.ArgumentParser):
    """Refuses like llama-server does."""

    def error(self, message: str) -> Any:
        sys.stderr.write(f"error: {message}\n")
        raise SystemExit(1)


def parser() -> Parser:
    p = Parser(prog="fake_engine", allow_abbrev=False)
    p.add_argument("--version", action="version", version="fake-engine 1.0")
    p.add_argument("--model", required=True)
    p.add_argument("--host", default="127.0.0.1")
    p.add_argument("--port", type=int, default=0)
    p.add_argument("--fault", action="append", default=[], metavar="NAME[=N]")
    p.add_argument("--prefill-us", type=float, default=0.0)
    p.add_argument("--token-us", type=float, default=0.0)
    p.add_argument("--oom-above-ctx", type=int, default=None)
    for name, default in SETTINGS.items():
        if isinstance(default, bool):
            p.add_argument(f"--{name}", action=argparse.BooleanOptionalAction, default=default)
        else:
            p.add_argument(f"--{name}", type=type(default), default=default)
    return p


def load(engine: Engine) -> None:
    """Die here, when asked to."""
    ctx, limit = engine.settings["ctx-size"], engine.args.oom_above_ctx
    if not Path(engine.args.model).is_file():
        _die(f"failed to open GGUF file '{engine.args.model}' (No such file or directory)")
    if engine.acts("oom-during-load") or (limit is not None and ctx > limit):
        _die("failed to allocate buffer for kv cache")
    if engine.acts("die-during-load"):
        _die("exiting due to model loading error")
    if engine.acts("port-taken"):
        _die("couldn't bind HTTP server socket")
    if engine.acts("crash-during-load"):
        os.abort()
    if engine.acts("leave-child"):
        subprocess.Popen(["sleep", "600"])


def _die(line: str) -> None:
    sys.stderr.write(f"E srv: {line}\n")
    raise SystemExit(1)


def _stop(*_: Any) -> None:
    os._exit(0)


def main() -> None:
    args, unknown = parser().parse_known_args()
    if unknown and "swallow-flags" not in args.fault:
        parser().error(f"invalid argument: {unknown[0]}")
    engine = Engine(args)
    load(engine)
    signal.signal(signal.SIGTERM, signal.SIG_IGN if engine.acts("ignore-sigterm") else _stop)
    Handler.engine = engine
    with Server((args.host, args.port), Handler) as server:
        sys.stderr.write(f"listening on http://{args.host}:{server.server_address[1]}\n")
        sys.stderr.flush()
        server.serve_forever()


if __name__ == "__main__":
    main()
