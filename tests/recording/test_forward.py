"""What the proxy passes on, byte by byte, against the same requests sent directly."""

from __future__ import annotations

import gzip
import http.client
import json
import socket
import threading
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
import zstandard
from fake_upstream import Answering, FakeUpstream, chat_stream, speak, sse
from running_proxy import Proxy, chat_body, until

from autotune.recording.exchange import CLIENT_GONE

CHAT = "/v1/chat/completions"
Start = Callable[..., Proxy]


def exchange(url: str, head: list[str], body: bytes = b"") -> bytes:
    """What a server sends back over a connection of its own, to the last byte."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        lines = [*head, f"Host: {parts.netloc}", "Connection: close", "", ""]
        sock.sendall("\r\n".join(lines).encode() + body)
        return b"".join(iter(lambda: sock.recv(65536), b""))


def body_chunks(raw: bytes) -> list[bytes]:
    """The chunks of a chunked reply."""
    _, _, rest = raw.partition(b"\r\n\r\n")
    chunks = []
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        chunks.append(rest[:length])
        rest = rest[length + 2 :]
    return chunks


def header_lines(raw: bytes) -> set[bytes]:
    head, _, _ = raw.partition(b"\r\n\r\n")
    return {line.lower() for line in head.split(b"\r\n")[1:]}


def test_a_stream_comes_through_byte_for_byte_and_chunk_for_chunk(
    upstream: FakeUpstream, proxy: Start
) -> None:
    odd = [b": ping\n\n", *chat_stream("caf\u00e9 \u2603"), b"\xff\x00 not even text"]

    def slowly(answer: Answering) -> None:
        answer.head(
            200,
            "Content-Type: text/event-stream",
            "X-Request-Id: r1",
            "Set-Cookie: a=1",
            "Set-Cookie: b=2",
            "Transfer-Encoding: chunked",
            "Connection: close",
        )
        for data in odd:
            answer.chunk(data)
            threading.Event().wait(0.005)  # so that no two of them are read at once
        answer.end()

    upstream.scripts[CHAT] = slowly
    body = json.dumps(chat_body("hi")).encode()
    head = [f"POST {CHAT} HTTP/1.1", f"Content-Length: {len(body)}"]
    direct = exchange(upstream.url, head, body)
    through = exchange(proxy(upstream.url).url, head, body)
    assert body_chunks(direct) == [*odd, b""]
    assert body_chunks(through) == body_chunks(direct)
    assert header_lines(through) == header_lines(direct)


def test_each_piece_arrives_before_the_next_one_is_sent(
    upstream: FakeUpstream, proxy: Start
) -> None:
    heard = threading.Semaphore(0)

    def in_step(answer: Answering) -> None:
        answer.head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for data in chat_stream("one two three"):
            answer.chunk(data)
            assert heard.acquire(timeout=10)
        answer.end()

    upstream.scripts[CHAT] = in_step
    with httpx.stream("POST", proxy(upstream.url).url + CHAT, json=chat_body("hi")) as reply:
        pieces = []
        for piece in reply.iter_raw():
            pieces.append(piece)
            heard.release()
    assert pieces == chat_stream("one two three")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS"])
def test_any_method_path_and_query_is_passed_on(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client, method: str
) -> None:
    target = "/a%2Fb/%7Euser/mod%C3%A9l?x=1&y=%20&&z"
    upstream.scripts["/a%2Fb/%7Euser/mod%C3%A9l"] = lambda answer: answer.whole(b"\x00\x01", 203)
    url = proxy(upstream.url).url
    connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=10)
    connection.request(method, target, body=b"x" if method == "PUT" else None)
    reply = connection.getresponse()
    assert (reply.status, reply.read()) == (203, b"\x00\x01")
    connection.close()
    assert (upstream.received[0].method, upstream.received[0].target) == (method, target)
    assert upstream.received[0].body == (b"x" if method == "PUT" else b"")


def test_errors_redirects_and_head_come_back_as_they_are(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    upstream.scripts["/r"] = lambda a: a.whole(b"", 307, "Location: http://elsewhere/")
    upstream.scripts["/busy"] = lambda a: a.json({"error": "later"}, 429, "Retry-After: 7")
    upstream.scripts["/head"] = lambda a: a.head(200, "Content-Length: 42")
    url = proxy(upstream.url).url
    assert client.get(f"{url}/v1/models").status_code == 404
    moved = client.get(f"{url}/r")
    assert (moved.status_code, moved.headers["location"]) == (307, "http://elsewhere/")
    busy = client.get(f"{url}/busy")
    assert (busy.status_code, busy.headers["retry-after"]) == (429, "7")
    head = client.head(f"{url}/head")
    assert (head.status_code, head.headers["content-length"], head.content) == (200, "42", b"")


def test_request_headers_are_passed_on_but_those_of_the_connection(
    upstream: FakeUpstream, proxy: Start
) -> None:
    upstream.scripts["/h"] = lambda answer: answer.whole(b"ok")
    head = [
        "GET /h HTTP/1.1",
        "Authorization: Bearer sk-1234567",
        "X-Twice: 1",
        "X-Twice: 2",
        "Keep-Alive: timeout=5",
        "Connection: X-Private",
        "X-Private: 1",
        "Accept-Encoding: br, zstd",
        "User-Agent: agent/1",
    ]
    assert exchange(proxy(upstream.url).url, head).endswith(b"ok")
    sent = [(k.lower(), v) for k, v in upstream.received[0].headers]
    assert sent == [
        ("host", urlsplit(upstream.url).netloc),
        ("authorization", "Bearer sk-1234567"),
        ("x-twice", "1"),
        ("x-twice", "2"),
        ("accept-encoding", "br, zstd"),
        ("user-agent", "agent/1"),
    ]


def test_a_compressed_body_is_forwarded_as_it_came_and_recorded_plain(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    upstream.scripts[CHAT] = speak("Hi")
    running = proxy(upstream.url)
    plain = json.dumps(chat_body("packed")).encode()
    for name, packed in (
        ("zstd", zstandard.ZstdCompressor().compress(plain)),
        ("gzip", gzip.compress(plain)),
    ):
        headers = {"content-encoding": name}
        assert client.post(running.url + CHAT, content=packed, headers=headers).status_code == 200
        assert upstream.received[-1].body == packed
        assert upstream.received[-1].header("content-encoding") == name
    running.stop()
    assert running.sessions()[0].turns[0].messages == tuple(chat_body("packed")["messages"])


def test_a_chunked_request_stays_chunked(upstream: FakeUpstream, proxy: Start) -> None:
    upstream.scripts[CHAT] = speak("Hi")
    running = proxy(upstream.url)
    body = json.dumps(chat_body("piece by piece")).encode()
    pieces = (body[at : at + 10] for at in range(0, len(body), 10))
    assert httpx.post(running.url + CHAT, content=pieces).status_code == 200
    assert upstream.received[0].header("transfer-encoding") == "chunked"
    assert upstream.received[0].header("content-length") is None
    assert upstream.received[0].body == body


def test_a_compressed_reply_is_untouched_and_its_tokens_are_timed(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    packer = zstandard.ZstdCompressor().compressobj()
    flush = zstandard.COMPRESSOBJ_FLUSH_BLOCK
    chunks = [packer.compress(data) + packer.flush(flush) for data in chat_stream("a b")]
    chunks.append(packer.flush())
    upstream.scripts[CHAT] = lambda a: a.stream(chunks, "Content-Encoding: zstd")
    running = proxy(upstream.url)
    headers = {"accept-encoding": "zstd, br"}
    with client.stream("POST", running.url + CHAT, json=chat_body("x"), headers=headers) as reply:
        assert b"".join(reply.iter_raw()) == b"".join(chunks)
    assert upstream.received[0].header("accept-encoding") == "zstd"
    running.stop()
    (turn,) = running.turns()
    assert turn.completion_tokens == 2
    assert turn.ttft_ms is not None
    assert ["br" in said for said in running.notices()] == [True]


@pytest.mark.parametrize(
    ("path", "headers", "is_anthropic"),
    [(CHAT, {}, False), ("/v1/messages", {}, True), ("/x", {"anthropic-version": "1"}, True)],
)
def test_a_refused_connection_is_a_502_in_the_shape_of_the_api(
    proxy: Start, client: httpx.Client, path: str, headers: dict[str, str], is_anthropic: bool
) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        nowhere = f"http://127.0.0.1:{taken.getsockname()[1]}"
        running = proxy(nowhere)
        reply = client.post(running.url + path, json=chat_body("x"), headers=headers)
    assert reply.status_code == 502
    assert reply.headers["content-type"] == "application/json"
    answer = reply.json()
    assert (answer.get("type") == "error") is is_anthropic
    assert f"cannot connect to {nowhere}" in answer["error"]["message"]
    running.stop()
    assert running.turns() == []


def test_an_upstream_that_accepts_and_dies_is_a_502(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    upstream.scripts[CHAT] = Answering.hang_up
    running = proxy(upstream.url)
    assert client.post(running.url + CHAT, json=chat_body("x")).status_code == 502
    running.stop()
    assert [(lost.kind, "without an answer" in lost.reason) for lost in running.lost()] == [
        ("refused", True)
    ]


def test_a_connection_that_takes_too_long_is_a_504() -> None:
    from autotune.recording.forward import _refusal
    from autotune.recording.upstream import parse_upstream

    refusal = _refusal(httpx.ConnectTimeout("slow"), parse_upstream("http://10.0.0.1:1"))
    assert refusal[:2] == (504, "gateway_timeout")


def test_an_upstream_that_dies_mid_stream_breaks_the_client_too_and_is_recorded(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    def die(answer: Answering) -> None:
        answer.head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
        for data in chat_stream("two words")[:3]:
            answer.chunk(data)
        answer.hang_up()

    upstream.scripts[CHAT] = die
    running = proxy(upstream.url)
    got: list[bytes] = []
    with client.stream("POST", running.url + CHAT, json=chat_body("x")) as reply:
        pieces = reply.iter_raw()
        with pytest.raises(httpx.RemoteProtocolError):
            got.extend(pieces)
    assert b"".join(got) == b"".join(chat_stream("two words")[:3])
    running.stop()
    (session,) = running.sessions()
    (turn,) = session.turns
    assert turn.origin["error"] == "the upstream broke off: RemoteProtocolError"
    assert turn.response == {"role": "assistant", "content": "twowords"}
    assert turn.recorded.ttft_ms is not None
    assert turn.output_tokens is None


@pytest.mark.parametrize("when", ["before the first token", "in mid-stream"])
def test_a_client_that_leaves_stops_the_upstream_and_its_turn_is_cut(
    upstream: FakeUpstream, proxy: Start, when: str
) -> None:
    left = threading.Event()
    begun = threading.Event()

    def endless(answer: Answering) -> None:
        if when == "in mid-stream":
            answer.head(200, "Content-Type: text/event-stream", "Transfer-Encoding: chunked")
            for data in chat_stream("never ends")[:2]:
                answer.chunk(data)
        begun.set()
        if answer.client_left(10):
            left.set()

    upstream.scripts[CHAT] = endless
    running = proxy(upstream.url)
    body = json.dumps(chat_body("x")).encode()
    parts = urlsplit(running.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        head = f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall(head.encode() + body)
        assert begun.wait(10)
        if when == "in mid-stream":
            assert sock.recv(1)
    assert left.wait(10)
    running.settled(1)
    (turn,) = running.turns()
    assert turn.failure == CLIENT_GONE
    assert running.recording.totals.under_way == 0


def test_a_client_that_leaves_while_it_sends_is_forgotten(
    upstream: FakeUpstream, proxy: Start
) -> None:
    upstream.scripts[CHAT] = speak("Hi")
    running = proxy(upstream.url)
    parts = urlsplit(running.url)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as sock:
        sock.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{{".encode())
        until(lambda: running.recording.totals.under_way == 1, "a request under way")
    running.settled(1)
    assert [lost.kind for lost in running.lost()] == ["unreadable"]


def test_an_answer_before_the_end_of_the_upload_is_passed_on(
    upstream: FakeUpstream, proxy: Start
) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        running = proxy(f"http://127.0.0.1:{server.getsockname()[1]}")

        def refuse() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1024)
                connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 0\r\n\r\n")
                while connection.recv(65536):
                    pass

        thread = threading.Thread(target=refuse)
        thread.start()
        reply = exchange(
            running.url, [f"POST {CHAT} HTTP/1.1", "Content-Length: 2000000"], b"x" * 2_000_000
        )
        running.stop()
        thread.join()
    assert reply.startswith(b"HTTP/1.1 413")


def test_websockets_are_not_offered(upstream: FakeUpstream, proxy: Start) -> None:
    upstream.scripts["/v1/responses"] = lambda answer: answer.json({"error": "no"}, 426)
    head = ["GET /v1/responses HTTP/1.1", "Upgrade: websocket", "Sec-WebSocket-Version: 13"]
    reply = exchange(proxy(upstream.url).url, head)
    assert reply.startswith(b"HTTP/1.1 426")
    assert upstream.received[0].header("upgrade") is None


def test_a_reply_without_any_length_ends_with_its_connection(
    upstream: FakeUpstream, proxy: Start, client: httpx.Client
) -> None:
    def old(answer: Answering) -> None:
        answer.raw(b"HTTP/1.0 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
        for data in sse({"choices": []}):
            answer.raw(data)
        answer.hang_up()

    upstream.scripts["/old"] = old
    reply: Any = client.get(proxy(upstream.url).url + "/old")
    assert reply.content == b"".join(sse({"choices": []}))
