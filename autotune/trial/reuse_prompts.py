"""The prompts of a replay as tokens: by the engine that was sent them, else by their characters."""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.launchers.habits import TextTokenizing, Tokenizing
from autotune.launchers.protocol import Launcher, Server
from autotune.records import TurnRecord
from autotune.replay.body import encode_body
from autotune.replay.endpoint import Endpoint
from autotune.replay.sent import SentTurn
from autotune.scoring.reuse_model import Follows, SentPrompt
from autotune.scoring.reuse_tokens import Tokens
from autotune.workload.breaks import cause_of
from autotune.workload.model import Message
from autotune.workload.prefix import common_prefix
from autotune.workload.rendered import rendered_text, tools_text

PIECE = 4
"""Characters that stand for a token where the engine cannot be asked."""

_PLAIN_PARTS = frozenset({"messages", "tools", "model"})


@dataclass(slots=True)
class Spent:
    """What tokenizing took."""

    seconds: float = 0.0
    tokens: int = 0

    def add(self, seconds: float, tokens: int) -> None:
        """One more question."""
        self.seconds += seconds
        self.tokens += tokens

    def to_json(self) -> dict[str, float]:
        """Seconds, tokens, and seconds for 100,000 of them."""
        told = {"seconds": round(self.seconds, 3), "tokens": self.tokens}
        rate = {"s_per_100k": round(self.seconds / self.tokens * 1e5, 3)} if self.tokens else {}
        return told | rate


@dataclass(frozen=True, slots=True)
class Asked:
    """The engine that tokenizes; `spent` is what it was kept busy with."""

    launcher: Launcher
    server: Server
    endpoint: Endpoint
    spent: Spent = field(default_factory=Spent)

    def prompts(
        self, sent: Sequence[SentTurn], records: Sequence[TurnRecord]
    ) -> Iterator[SentPrompt]:
        """Each request of `sent` as tokens, in the given order; `records` are theirs.

        One prompt's text is held at a time. Where the engine does not tokenize the first prompt,
        all are estimated.
        """
        last: dict[str, SentTurn] = {}
        estimated = False
        for turn, record in zip(sent, records, strict=True):
            tokens = None if estimated else self._tokens(turn)
            estimated = tokens is None
            session_id = turn.planned.turn.session_id
            follows, edit = relation(last.get(session_id), turn)
            last[session_id] = turn
            prompt = SentPrompt(
                session_id=session_id,
                turn=turn.planned.turn.index,
                tokens=tokens or Tokens(),
                reply=self._reply(turn) if tokens is not None else Tokens(),
                reasoned=turn.reply is not None and bool(turn.reply.reasoning),
                follows=follows,
                edit=edit,
            )
            yield prompt if tokens is not None else estimate(prompt, turn, record)

    def _tokens(self, turn: SentTurn) -> Tokens | None:
        if not isinstance(self.launcher, Tokenizing):
            return None
        body = sent_body(self.endpoint, turn)
        fields = {k: v for k, v in body.items() if k not in _PLAIN_PARTS}
        messages, tools = tuple(body["messages"]), tuple(body.get("tools") or ())
        began = time.monotonic()
        found = self.launcher.tokenize(self.server, messages, tools, fields)
        self.spent.add(time.monotonic() - began, len(found or ()))
        return None if found is None else Tokens.of(found)

    def _reply(self, turn: SentTurn) -> Tokens:
        """The reply's own text as tokens: what the engine holds behind the prompt, about."""
        if turn.reply is None or not isinstance(self.launcher, TextTokenizing):
            return Tokens()
        text = turn.reply.reasoning + turn.reply.content
        if not text:
            return Tokens()
        began = time.monotonic()
        found = self.launcher.tokenize_text(self.server, text)
        self.spent.add(time.monotonic() - began, len(found or ()))
        return Tokens.of(found or ())


def sent_body(endpoint: Endpoint, turn: SentTurn) -> dict[str, Any]:
    """The request as it went out: rendered, with the fields that every request carries."""
    planned = turn.planned
    body = encode_body(endpoint, turn.messages, planned.turn.tools, planned.output_tokens)
    told: dict[str, Any] = json.loads(body)
    return told


def relation(before: SentTurn | None, after: SentTurn) -> tuple[Follows, str | None]:
    """How the messages of `after` stand to those sent before in its session, and what was edited.

    `Follows.EXTENDS` carries the reply that the engine gave; with recorded history it is another.
    """
    if before is None:
        return Follows.FIRST, None
    old = replace(before.planned.turn, messages=before.messages)
    new = replace(after.planned.turn, messages=after.messages)
    edit = cause_of(old, new)
    if edit is not None:
        return Follows.EDITED, str(edit)
    at = len(before.messages)
    reply = before.reply.as_message() if before.reply is not None else None
    if reply is not None and len(after.messages) > at and _same(after.messages[at], reply):
        return Follows.EXTENDS, None
    return Follows.OTHER_REPLY, None


def _same(one: Message, other: Message) -> bool:
    return common_prefix((one,), (other,)) == 1


def estimate(prompt: SentPrompt, turn: SentTurn, record: TurnRecord) -> SentPrompt:
    """`prompt` by the characters of its messages, scaled to the depth that the engine reported."""
    pieces = list(_pieces(turn))
    depth = record.depth_tokens
    scale = depth / len(pieces) if depth and pieces else 1.0 + 1e-9
    return replace(prompt, tokens=Tokens.of(pieces), scale=scale)


def _pieces(turn: SentTurn) -> Iterator[int]:
    """Numbers for every few characters: equal texts give equal numbers."""
    texts = [tools_text(turn.planned.turn.tools), *map(rendered_text, turn.messages)]
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        for at in range(0, len(data), PIECE):
            yield zlib.crc32(data[at : at + PIECE]) & 0x7FFFFFFF
