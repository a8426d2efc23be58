"""Where in a prompt the next token is asked for: inside the recorded replies, calls above all.

The prompt of a session's deepest turn holds every earlier reply, as the chat template writes it.
Each reply's text is looked up in it, so the tokens of a reply, of the call in it and of the call's
name are known without knowing the template.
"""

from __future__ import annotations

import random
import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import TypeVar

from autotune.replay.chunks import child, text_of
from autotune.trial.next_token import Tokens
from autotune.workload.model import Message

ItemT = TypeVar("ItemT")

START = "start of a reply"
NAME = "name of a tool"
SYNTAX = "syntax of a call"
INSIDE = "inside a call"
TEXT = "text"

SHARES = {SYNTAX: 0.35, NAME: 0.15, INSIDE: 0.15, START: 0.15, TEXT: 0.20}
"""How many of the positions are of each kind, where there are enough of it."""

LEAST_BYTES = 4
"""A shorter text is found in too many places."""

_SYNTAX = re.compile(rb"[{}\[\]\":,]")
_MARKED_NAME = re.compile(rb'"name"\s*:\s*"([^"]+)"')
_CALL_MARK = b"<tool_call>"


@dataclass(frozen=True, slots=True)
class Place:
    """The token at `at` is asked for after those before it; it is in reply number `reply`."""

    at: int
    reply: int
    kind: str


@dataclass(frozen=True, slots=True)
class Call:
    """A recorded call in a prompt: the token with the first brace of its JSON, and its length."""

    at: int
    reply: int
    name: str
    tokens: int


@dataclass(frozen=True, slots=True)
class _Reply:
    """Byte offsets of one reply in a prompt; `names` are the spans of the names of its calls."""

    start: int
    end: int
    names: tuple[tuple[int, int], ...] = ()


def places(tokens: Tokens, messages: Sequence[Message]) -> list[Place]:
    """Every position of every reply, in order, and the one after it: where the model stops.

    `messages` are as they were sent.
    """
    text, starts = _joined(tokens)
    found: list[Place] = []
    for number, reply in enumerate(_replies(text, messages)):
        first, last = bisect_left(starts, reply.start), bisect_left(starts, reply.end)
        found += [
            Place(at, number, _kind(at, first, starts[at], tokens.pieces[at], reply))
            for at in range(max(1, first), min(last + 1, len(starts)))
        ]
    return found


def calls(tokens: Tokens, messages: Sequence[Message]) -> list[Call]:
    """Every recorded call that is written as JSON, with the place of its first brace.

    The brace before the name where name and arguments are one object, else the next one after it.
    """
    text, starts = _joined(tokens)
    found = []
    for number, reply in enumerate(_replies(text, messages)):
        for start, end in reply.names:
            brace = _brace(text, reply, start, end)
            if brace is None:
                continue
            at, last = bisect_right(starts, brace) - 1, bisect_left(starts, reply.end)
            name = text[start:end].decode(errors="replace")
            found.append(Call(at, number, name, max(1, last - at)))
    return found


def _brace(text: bytes, reply: _Reply, start: int, end: int) -> int | None:
    before = re.search(rb"\{\s*\"name\"\s*:\s*\"$", text[reply.start : start])
    if before is not None:
        return reply.start + before.start()
    after = text.find(b"{", end, reply.end)
    return None if after < 0 else after


def _joined(tokens: Tokens) -> tuple[bytes, list[int]]:
    """The prompt's text, and where in it each token begins."""
    ends = list(accumulate(len(piece) for piece in tokens.pieces))
    return b"".join(tokens.pieces), [0, *ends[:-1]]


def _replies(text: bytes, messages: Sequence[Message]) -> Iterator[_Reply]:
    """The assistant's messages that are found, one after the other, in `text`."""
    cursor = 0
    for message in messages:
        content = text_of(message, "content").strip().encode()
        at = text.find(content, cursor) if len(content) >= LEAST_BYTES else -1
        start, end = (at, at + len(content)) if at >= 0 else (cursor, cursor)
        if message.get("role") == "assistant":
            reply = _with_calls(text, start, end, at >= 0, message)
            if reply is not None:
                yield reply
                end = reply.end
        cursor = max(cursor, end)


def _with_calls(text: bytes, start: int, end: int, found: bool, message: Message) -> _Reply | None:
    """A reply with the calls after its text, or in it where they were written as text."""
    names, last = [], end
    for call in message.get("tool_calls") or ():
        function = child(call, "function")
        name = text_of(function, "name").encode()
        at = text.find(name, last) if name else -1
        if at < 0:
            break
        names.append((at, at + len(name)))
        last = _end_of_arguments(text, at + len(name), function)
    if not names and found:
        names = _marked(text, start, end)
    if not names:
        return _Reply(start, end) if found else None
    first = start if found else _opening(text, names[0][0])
    return _Reply(first, max(end, last), tuple(names))


def _opening(text: bytes, name: int) -> int:
    """Where a call begins whose name is at `name`: its brace, where there is one just before."""
    before = re.search(rb"\{\s*\"name\"\s*:\s*\"$", text[max(0, name - 40) : name])
    return name if before is None else max(0, name - 40) + before.start()


def _end_of_arguments(text: bytes, after: int, function: Mapping[str, object]) -> int:
    """Behind the arguments: as they were recorded, else behind their last value."""
    arguments = text_of(function, "arguments").strip().encode()
    at = text.find(arguments, after) if len(arguments) >= LEAST_BYTES else -1
    if at >= 0:
        close = at + len(arguments)
        # The brace of the object around name and arguments belongs to the call.
        return close + 1 if text[close : close + 1] == b"}" else close
    return min(len(text), after + len(arguments))


def _marked(text: bytes, start: int, end: int) -> list[tuple[int, int]]:
    """Names of the calls that are text within ``<tool_call>`` marks."""
    mark = text.find(_CALL_MARK, start, end)
    if mark < 0:
        return []
    return [found.span(1) for found in _MARKED_NAME.finditer(text, mark, end)][:1]


def _kind(at: int, first: int, byte: int, piece: bytes, reply: _Reply) -> str:
    if at == first:
        return START
    if not reply.names or byte < _opening_of(reply):
        return TEXT
    if any(start <= byte < end for start, end in reply.names):
        return NAME
    return SYNTAX if _SYNTAX.search(piece) else INSIDE


def _opening_of(reply: _Reply) -> int:
    """From here on a reply is a call: a little before the first name, where its marks are."""
    return max(reply.start, reply.names[0][0] - 12)


def chosen(found: Sequence[Place], wanted: int, seed: str) -> list[Place]:
    """About `wanted` of `found` in order: each kind by its share, spread evenly over the depth."""
    rng = random.Random(seed)
    taken: set[Place] = set()
    for kind, share in SHARES.items():
        taken.update(spread([p for p in found if p.kind == kind], int(share * wanted), rng))
    left = [place for place in found if place not in taken]
    taken.update(spread(left, wanted - len(taken), rng))
    return sorted(taken, key=lambda place: place.at)


def spread(items: Sequence[ItemT], wanted: int, rng: random.Random) -> list[ItemT]:
    """`wanted` of `items`, one drawn from each of as many equal stretches; all of few."""
    if wanted >= len(items):
        return list(items)
    cuts = [at * len(items) // wanted for at in range(wanted + 1)] if wanted > 0 else [0]
    return [items[rng.randrange(cuts[at], cuts[at + 1])] for at in range(len(cuts) - 1)]
