"""Depth of a turn in tokens, and the buckets by which depth is reported."""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any

from autotune.errors import UserError
from autotune.workload.model import Message, Session, Turn
from autotune.workload.prefix import shared_objects

DEFAULT_EDGES = (10_000, 30_000, 60_000, 120_000)
"""Tokens at which a new bucket begins: 0-10k, 10-30k, 30-60k, 60-120k, 120k+."""

CHARS_PER_TOKEN = 4
"""The estimate used where a capture recorded no counts. Measured on exact captures: 4.05 for
tools and prose, 3.8 for code, 3.26 for Go, 2.7 for transcripts; so it is always labelled."""


@dataclass(frozen=True, slots=True)
class DepthRange:
    """Depths from `low` (inclusive) to `high` (exclusive, ``None`` is open), in tokens."""

    low: int
    high: int | None = None

    def __contains__(self, tokens: int) -> bool:
        return self.low <= tokens and (self.high is None or tokens < self.high)

    def __str__(self) -> str:
        if self.high is None:
            return f"{_short(self.low)}+"
        if self.high < 1000:
            return f"{self.low}-{self.high}"
        return f"{_thousands(self.low)}-{_thousands(self.high)}k"


@dataclass(frozen=True, slots=True)
class DepthBuckets:
    """Consecutive depth ranges that start at 0; `edges` are tokens, ascending."""

    edges: tuple[int, ...] = DEFAULT_EDGES

    def __post_init__(self) -> None:
        if any(edge <= 0 for edge in self.edges) or list(self.edges) != sorted(set(self.edges)):
            raise UserError(
                f"depth bucket edges must be positive and ascending, not {list(self.edges)}",
                "give them in tokens, for example 10000, 30000, 60000, 120000",
            )

    @property
    def ranges(self) -> tuple[DepthRange, ...]:
        """Every bucket, shallow to deep."""
        lows = (0, *self.edges)
        return tuple(map(DepthRange, lows, (*self.edges, None)))

    @property
    def labels(self) -> tuple[str, ...]:
        """Every bucket's name, shallow to deep."""
        return tuple(str(bucket) for bucket in self.ranges)

    def index(self, tokens: int) -> int:
        """Which bucket `tokens` is in, from 0. An edge belongs to the deeper bucket."""
        return bisect_right(self.edges, tokens)

    def label(self, tokens: int) -> str:
        """The name of the bucket that `tokens` is in."""
        return self.labels[self.index(tokens)]


def bucket_label(tokens: int, edges: Sequence[int] = DEFAULT_EDGES) -> str:
    """The name of the bucket that `tokens` is in: ``30-60k``."""
    return DepthBuckets(tuple(edges)).label(tokens)


def parse_depth_range(text: str) -> DepthRange:
    """``60k-120k``, ``60-120k``, ``120k+`` or ``1500-9000`` as a range of tokens.

    A low end without ``k`` takes the high end's. Raises `UserError` for anything else.
    """
    body = "".join(text.lower().split())
    try:
        if body.endswith("+"):
            return DepthRange(_tokens(body[:-1]))
        low, dash, high = body.partition("-")
        if high.endswith("k") and not low.endswith("k"):
            low += "k"
        bucket = DepthRange(_tokens(low), _tokens(high))
    except (InvalidOperation, ValueError, OverflowError):
        raise _bad_range(text) from None
    if not dash or bucket.high is None or bucket.low >= bucket.high:
        raise _bad_range(text)
    return bucket


def _bad_range(text: str) -> UserError:
    return UserError(
        f"{text!r} is not a depth range",
        "write it as 60k-120k or 120k+, the low end first",
    )


def _tokens(text: str) -> int:
    scale = 1000 if text.endswith("k") else 1
    exact = Decimal(text.removesuffix("k")) * scale
    if exact != int(exact) or exact < 0:
        raise ValueError(text)
    return int(exact)


def _thousands(tokens: int) -> str:
    text = f"{tokens / 1000:.3f}"
    return text.rstrip("0").rstrip(".")


def _short(tokens: int) -> str:
    return str(tokens) if tokens < 1000 else f"{_thousands(tokens)}k"


@dataclass(frozen=True, slots=True)
class Depth:
    """Prompt tokens of a turn; `estimated` when they come from characters, not a count."""

    tokens: int
    estimated: bool


def message_chars(message: Message) -> int:
    """Characters of `message` that reach the prompt: content, reasoning, tool calls."""
    chars = _text_chars(message.get("content")) + _text_chars(message.get("reasoning_content"))
    for call in message.get("tool_calls") or ():
        function = call.get("function", {}) if isinstance(call, Mapping) else {}
        chars += _text_chars(function.get("name")) + _text_chars(function.get("arguments"))
    return chars


def _text_chars(value: Any) -> int:
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value)
    if isinstance(value, Sequence):
        return sum(_part_chars(part) for part in value)
    return len(json.dumps(value))


def _part_chars(part: Any) -> int:
    if isinstance(part, Mapping) and isinstance(part.get("text"), str):
        return len(part["text"])
    return _text_chars(part)


def tools_chars(tools: Sequence[Mapping[str, Any]]) -> int:
    """Characters of the tool schemas as compact JSON."""
    return len(json.dumps(list(tools), ensure_ascii=False, separators=(",", ":"))) if tools else 0


class DepthMeter:
    """Depths of the turns of one session, in order; shared messages are measured once."""

    def __init__(self) -> None:
        self._messages: tuple[Message, ...] = ()
        self._sums: list[int] = [0]
        self._tools: Sequence[Mapping[str, Any]] = ()
        self._tools_chars = 0
        self._counted = (0, 0)

    def chars(self, turn: Turn) -> int:
        """Characters of the whole prompt of `turn`."""
        if turn.tools is not self._tools:
            self._tools, self._tools_chars = turn.tools, tools_chars(turn.tools)
        shared = shared_objects(self._messages, turn.messages)
        del self._sums[shared + 1 :]
        for message in turn.messages[shared:]:
            self._sums.append(self._sums[-1] + message_chars(message))
        self._messages = turn.messages
        return self._sums[-1] + self._tools_chars

    def depth(self, turn: Turn) -> Depth:
        """The recorded depth of `turn`, else an estimate at `CHARS_PER_TOKEN`.

        The estimate goes on from the session's last recorded turn, where there is one, so only
        what changed since then is estimated.
        """
        chars = self.chars(turn)
        if turn.recorded.prompt_tokens is not None:
            self._counted = (turn.recorded.prompt_tokens, chars)
            return Depth(turn.recorded.prompt_tokens, estimated=False)
        tokens, counted_chars = self._counted
        estimate = tokens + (chars - counted_chars) / CHARS_PER_TOKEN
        return Depth(max(0, round(estimate)), estimated=True)


def session_depths(session: Session) -> tuple[Depth, ...]:
    """The depth of every turn of `session`."""
    meter = DepthMeter()
    return tuple(meter.depth(turn) for turn in session.turns)
