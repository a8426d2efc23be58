from __future__ import annotations

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest

from autotune.errors import MachineError
from autotune.workload.redaction.tokenizer import Counter, EndpointTokenizer


class _Engine(BaseHTTPRequestHandler):
    """Says one token a word; what it does else is in `answers`, one a request."""

    protocol_version = "HTTP/1.1"
    answers: ClassVar[list[str]] = []
    asked: ClassVar[list[Any]] = []

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append((self.path, body))
        kind = self.answers.pop(0) if self.answers else "tokens"
        tokens = list(range(len(body["content"].split())))
        reply = {"tokens": json.dumps({"tokens": tokens}), "no-tokens": "{}", "text": "what?"}
        data = reply.get(kind, "{}").encode()
        self.send_response(500 if kind == "fails" else 200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)
        self.close_connection = kind == "hangs-up"

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture
def engine() -> Iterator[str]:
    _Engine.answers, _Engine.asked = [], []
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Engine)
    thread = Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def tokenizer(engine: str) -> Iterator[EndpointTokenizer]:
    made = EndpointTokenizer(engine + "/v1", "some-model")
    yield made
    made.close()


def test_it_asks_in_the_words_of_both_engines(tokenizer: EndpointTokenizer) -> None:
    assert list(tokenizer.tokens("a b c")) == [0, 1, 2]
    ((path, body),) = _Engine.asked
    assert path == "/tokenize"
    assert body["content"] == body["prompt"] == "a b c"
    assert body["model"] == "some-model"
    assert body["add_special"] is body["add_special_tokens"] is body["parse_special"] is False


@pytest.mark.parametrize("answer", ["no-tokens", "text", "fails"])
def test_an_answer_that_is_none(tokenizer: EndpointTokenizer, answer: str) -> None:
    _Engine.answers = [answer]
    with pytest.raises(MachineError, match="cannot count tokens"):
        tokenizer.tokens("a")


def test_a_line_that_was_hung_up_is_taken_again(tokenizer: EndpointTokenizer) -> None:
    _Engine.answers = ["tokens"]
    tokenizer.tokens("a")
    assert tokenizer._connection.sock is not None
    tokenizer._connection.sock.shutdown(2)
    assert len(tokenizer.tokens("a b")) == 2


def test_nobody_there() -> None:
    with pytest.raises(MachineError, match=r"cannot count tokens at 127\.0\.0\.1:9"):
        EndpointTokenizer("127.0.0.1:9").tokens("a")


def test_short_texts_are_asked_for_once(tokenizer: EndpointTokenizer) -> None:
    counter = Counter(tokenizer)
    assert [counter.count("a b"), counter.count("a b")] == [2, 2]
    assert len(_Engine.asked) == 1
    counter.count("x " * 300)
    counter.count("x " * 300)
    assert len(_Engine.asked) == 3
