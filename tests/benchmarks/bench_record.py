"""What the recording proxy adds: time to first token, to the whole reply, and CPU.

    python tests/benchmarks/bench_record.py
    python tests/benchmarks/bench_record.py --base-url http://127.0.0.1:8080 --depths 1000,4000

Every request is sent three times: direct, through the proxy, and direct once more, in an order that
turns from one to the next. Proxy less direct is what is added; direct less direct is what this
machine makes of nothing at all. The upstream is a server of its own process that takes a fixed time
to its first token, or a running engine (whose cache should hold the prompts). Prompts grow like an
agent's, so that the recorder has its real work to do. Prints a table, then one line of JSON. Run it
on a quiet machine.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from urllib.parse import urlsplit

import psutil

from autotune.scoring.quantile import median, quantile

PATH = "/v1/chat/completions"
TOKEN = b'data: {"choices": [{"index": 0, "delta": {"content": "word "}}]}\n\n'
LAST = b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\ndata: [DONE]\n\n'
CHARS_PER_TOKEN = 4
ORDERS = (("direct", "proxy", "again"), ("proxy", "again", "direct"), ("again", "direct", "proxy"))
"""Each arm is first, second and third equally often."""


@dataclass(frozen=True, slots=True)
class Timing:
    """One request as its client saw it, in ms."""

    ttft_ms: float
    total_ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """One depth; differences are paired. `noise` is direct against direct."""

    depth_tokens: int
    requests: int
    direct_ttft_p50_ms: float
    added_ttft_p50_ms: float
    added_ttft_p95_ms: float
    noise_ttft_p50_ms: float
    noise_ttft_p95_ms: float
    added_total_p50_ms: float
    added_total_p95_ms: float
    proxy_cpu_ms_a_request: float
    proxy_cpu_share: float


class Client:
    """One kept connection to one server; sends a body and reads the stream, stamping it."""

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._sock = self._connected()

    def _connected(self) -> socket.socket:
        address = (self._parts.hostname or "", self._parts.port or 80)
        sock = socket.create_connection(address, timeout=600)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock

    def ask(self, body: bytes) -> Timing:
        """One request; raises `SystemExit` when the reply is none."""
        head = (
            f"POST {self._parts.path}{PATH} HTTP/1.1\r\nHost: {self._parts.netloc}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        began = time.perf_counter()
        if self._was_left():
            self._sock.close()
            self._sock = self._connected()
        self._sock.sendall(head.encode() + body)
        first, got = 0.0, b""
        while not got.endswith(b"\r\n0\r\n\r\n"):
            data = self._sock.recv(262_144)
            if not data:
                raise SystemExit(f"{self._parts.netloc} hung up: {got[:200]!r}")
            got += data
            if not first and (b'"content":"' in got or b'"content": "' in got):
                first = time.perf_counter()
        if not first:
            raise SystemExit(f"no token from {self._parts.netloc}: {got[:300]!r}")
        return Timing((first - began) * 1e3, (time.perf_counter() - began) * 1e3)

    def _was_left(self) -> bool:
        """Whether the server hung up after its last reply, as llama.cpp does after a stream."""
        readable, _, _ = select.select([self._sock], [], [], 0)
        return bool(readable) and not self._sock.recv(1, socket.MSG_PEEK)

    def close(self) -> None:
        """Hangs up."""
        self._sock.close()


def make_body(tokens: int, turn: int, output_tokens: int, messages: int = 200) -> bytes:
    """A session's request number `turn`, `tokens` deep at 4 characters a token."""
    size = max(1, tokens * CHARS_PER_TOKEN // messages)
    line = 'def f(x):\n    return "value" if x else None  # a line of code\n'
    text = (line * (size // len(line) + 1))[:size]
    said = [
        {"role": ("user", "assistant")[at % 2], "content": f"{at} {text}"} for at in range(messages)
    ]
    new = [
        {"role": ("user", "assistant")[at % 2], "content": f"turn {at}"} for at in range(2 * turn)
    ]
    body = {"model": "bench", "stream": True, "max_tokens": output_tokens, "temperature": 0}
    return json.dumps({**body, "messages": [*said, *new]}).encode()


def measure(
    direct: str, proxy: str, process: psutil.Process, tokens: int, args: argparse.Namespace
) -> Row:
    """One depth, warm-up first."""
    clients = {"direct": Client(direct), "proxy": Client(proxy), "again": Client(direct)}
    for client in clients.values():
        client.ask(make_body(tokens, 0, args.output_tokens))
    found: dict[str, list[Timing]] = {arm: [] for arm in clients}
    cpu_s, began_s = _cpu_s(process), time.perf_counter()
    for number in range(args.requests):
        body = make_body(tokens, number // 3 + 1, args.output_tokens)
        for arm in ORDERS[number % 3]:
            time.sleep(args.gap_ms / 1e3)
            found[arm].append(clients[arm].ask(body))
    time.sleep(0.3)  # the recorder's last work is of these requests too
    cpu_s, wall_s = _cpu_s(process) - cpu_s, time.perf_counter() - began_s
    for client in clients.values():
        client.close()
    return _row(tokens, found, cpu_s, wall_s)


def _row(tokens: int, found: dict[str, list[Timing]], cpu_s: float, wall_s: float) -> Row:
    added = _differences(found["proxy"], found["direct"])
    noise = _differences(found["again"], found["direct"])
    count = len(found["proxy"])
    return Row(
        depth_tokens=tokens,
        requests=count,
        direct_ttft_p50_ms=round(median([t.ttft_ms for t in found["direct"]]), 3),
        added_ttft_p50_ms=_p50(added, 0),
        added_ttft_p95_ms=_p95(added, 0),
        noise_ttft_p50_ms=_p50(noise, 0),
        noise_ttft_p95_ms=_p95(noise, 0),
        added_total_p50_ms=_p50(added, 1),
        added_total_p95_ms=_p95(added, 1),
        proxy_cpu_ms_a_request=round(cpu_s * 1e3 / count, 2),
        proxy_cpu_share=round(cpu_s / wall_s, 4),
    )


def _differences(ours: Sequence[Timing], theirs: Sequence[Timing]) -> list[tuple[float, float]]:
    return [
        (a.ttft_ms - b.ttft_ms, a.total_ms - b.total_ms) for a, b in zip(ours, theirs, strict=True)
    ]


def _p50(pairs: Sequence[tuple[float, float]], at: int) -> float:
    return round(median([pair[at] for pair in pairs]), 3)


def _p95(pairs: Sequence[tuple[float, float]], at: int) -> float:
    return round(quantile([pair[at] for pair in pairs], 0.95), 3)


def _cpu_s(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


@contextlib.contextmanager
def recording(upstream: str) -> Iterator[tuple[str, psutil.Process]]:
    """The proxy in a process of its own: its address and its process."""
    with tempfile.TemporaryDirectory() as folder:
        argv = ["captures", "record", "--upstream", upstream, "--out", folder, "--port", "0"]
        with subprocess.Popen(
            [sys.executable, "-m", "autotune.cli.main", *argv, "--json"],
            stdout=subprocess.PIPE,
            text=True,
        ) as process:
            assert process.stdout is not None
            try:
                url = json.loads(process.stdout.readline())["url"]
                yield url, psutil.Process(process.pid)
            finally:
                process.send_signal(signal.SIGINT)
                out, _ = process.communicate()
        stopped = json.loads(out.splitlines()[-1])
        print(f"recorded {stopped['turns']} turns, not recorded {stopped['not_recorded']}")


@contextlib.contextmanager
def steady_upstream(ttft_ms: float, token_ms: float, tokens: int) -> Iterator[str]:
    """This file as a server, in a process of its own."""
    argv = [sys.executable, __file__, "--serve", f"{ttft_ms},{token_ms},{tokens}"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.terminate()


async def serve(ttft_ms: float, token_ms: float, tokens: int) -> None:
    """Answers every request with `tokens` tokens, the first after `ttft_ms`. Runs until killed."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    line for line in head.lower().split(b"\r\n") if line.startswith(b"content-len")
                )
                await reader.readexactly(int(length.partition(b":")[2]))
                await _speak(writer, ttft_ms, token_ms, tokens)

    server = await asyncio.start_server(answer, "127.0.0.1", 0, limit=2**24)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    await server.serve_forever()


async def _speak(
    writer: asyncio.StreamWriter, ttft_ms: float, token_ms: float, tokens: int
) -> None:
    head = (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    writer.write(head)
    await asyncio.sleep(ttft_ms / 1e3)
    for _ in range(tokens):
        writer.write(b"%x\r\n%s\r\n" % (len(TOKEN), TOKEN))
        await asyncio.sleep(token_ms / 1e3)
    writer.write(b"%x\r\n%s\r\n0\r\n\r\n" % (len(LAST), LAST))
    await writer.drain()


def report(rows: Sequence[Row]) -> str:
    """A table for a person, then a line for a program."""
    names = list(asdict(rows[0]))
    lines = [f"{name:24}" + "".join(f"{asdict(row)[name]:>12}" for row in rows) for name in names]
    return "\n".join([*lines, json.dumps([asdict(row) for row in rows])])


def main() -> None:
    """Measure the proxy at each depth."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--base-url", help="a running engine instead of the steady server")
    parser.add_argument("--depths", default="1000,40000,180000", help="tokens of the prompts")
    parser.add_argument("--requests", type=int, default=60, help="at each depth and arm")
    parser.add_argument("--output-tokens", type=int, default=16)
    parser.add_argument("--gap-ms", type=float, default=50.0, help="idle before each request")
    parser.add_argument("--ttft-ms", type=float, default=30.0, help="of the steady server")
    parser.add_argument("--token-ms", type=float, default=2.0, help="of the steady server")
    parser.add_argument("--serve", help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.serve:
        ttft_ms, token_ms, tokens = args.serve.split(",")
        asyncio.run(serve(float(ttft_ms), float(token_ms), int(tokens)))
        return
    steady = steady_upstream(args.ttft_ms, args.token_ms, args.output_tokens)
    with contextlib.nullcontext(args.base_url) if args.base_url else steady as upstream:
        rows = []
        with recording(upstream) as (proxy, process):
            depths = [int(depth) for depth in args.depths.split(",")]
            rows = [measure(upstream, proxy, process, depth, args) for depth in depths]
        print(report(rows))


if __name__ == "__main__":
    main()
