"""Made-up secrets, sessions that hold them, and a tokenizer that needs no engine."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from autotune.workload.model import Session, Turn
from autotune.workload.redaction.options import RedactionOptions
from autotune.workload.writer import write_capture

BODY = "aB3dE6gH1jK4mN7pQ0sT2vW5yZ8cF9hL"
"""Thirty-two characters that look drawn. Secrets are put together here: none stands in a file."""

PEM = f"-----BEGIN RSA PRIVATE KEY-----\n{BODY}{BODY}\n{BODY}==\n-----END RSA PRIVATE KEY-----"

SECRETS: dict[str, str] = {
    "anthropic-key": "sk-ant-" + f"api03-{BODY}-x_9",
    "openrouter-key": "sk-or-" + f"v1-{BODY}",
    "openai-key": "sk-" + f"proj-{BODY}",
    "aws-key": "AK" + "IAQ3EGRZ7XWPLKJ2HT",
    "github-token": "gh" + f"p_{BODY}",
    "gitlab-token": "glp" + f"at-{BODY[:20]}",
    "slack-token": "xo" + f"xb-1234567890-{BODY}",
    "huggingface-token": "hf" + f"_{BODY}",
    "google-key": "AI" + f"za{BODY}abc",
    "npm-token": "np" + f"m_{BODY}1234",
    "pypi-token": "py" + f"pi-AgEIcHlwaS5vcmc{BODY}",
    "jwt": "ey" + "JhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0." + BODY,
    "other-key": "gs" + f"k_{BODY}",
}
"""One of each, by the rule that finds it."""


_LISTED = "alice bob an er on re at th he in es st the ing word home Alice user"


class WordPieces:
    """A tokenizer of the usual make: text is cut where the class of its characters changes, a
    space goes with what follows, and words are cut into known pieces, the longest first.
    """

    _CUT = re.compile(r" ?[A-Za-z]+|[0-9]| ?[^\sA-Za-z0-9]+|\s+")

    def tokens(self, text: str) -> Sequence[int]:
        """Ids that mean nothing; equal pieces have equal ids."""
        found: list[int] = []
        for part in self._CUT.findall(text):
            found.extend(hash(piece) & 0xFFFF for piece in self._pieces(part))
        return found

    def _pieces(self, part: str) -> Iterator[str]:
        while part:
            fitting = (p for p in _LISTED.split() if part.lstrip(" ").startswith(p))
            size = len(part) - len(part.lstrip(" ")) + max(map(len, fitting), default=1)
            yield part[:size]
            part = part[size:]


@pytest.fixture
def word_pieces() -> WordPieces:
    """A tokenizer without an engine."""
    return WordPieces()


@pytest.fixture
def secrets() -> dict[str, str]:
    """`SECRETS`, and a private key."""
    return {**SECRETS, "private-key": PEM}


@pytest.fixture
def options() -> Callable[..., RedactionOptions]:
    """Options with a fixed salt; any may be given."""

    def make(**given: Any) -> RedactionOptions:
        return RedactionOptions(**{"salt": b"pepper", **given})

    return make


def call(arguments: str, name: str = "bash", number: int = 1) -> dict[str, Any]:
    """An assistant's message with one tool call."""
    function = {"name": name, "arguments": arguments}
    calls = [{"id": f"call_{number}", "type": "function", "function": function}]
    return {"role": "assistant", "content": None, "tool_calls": calls}


def growing(session_id: str, messages: Sequence[dict[str, Any]], **turn: Any) -> Session:
    """A session whose prompts are 1, 2, 3... of `messages`."""
    turns = (
        Turn(session_id, n, tuple(messages[: n + 1]), keep=n, **turn) for n in range(len(messages))
    )
    return Session(session_id, tuple(turns))


@pytest.fixture
def make_capture(tmp_path: Path) -> Callable[..., Path]:
    """``make_capture(session, ...)``: a file with these sessions."""
    count = iter(range(1000))

    def make(*sessions: Session) -> Path:
        path = tmp_path / f"in{next(count)}.jsonl"
        write_capture(sessions, path)
        return path

    return make
