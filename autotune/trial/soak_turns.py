"""Filler turns: a session that goes on in its own manner, as deep as is wanted.

How many tokens a word costs is learnt from each turn that was answered, so that the last one ends
where it should, whatever the tokenizer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from autotune.records import TurnRecord
from autotune.replay.outcome import Reply
from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.replay.sent import SentTurn
from autotune.trial.soak_plan import MOST_STEPS, SHORT_REPLY_TOKENS
from autotune.workload.filler import filler
from autotune.workload.model import Message

TEMPLATE_TOKENS = 12
"""What a chat template puts around a reply and the message after it, about."""

NEAR = 0.002
"""Within this share of the target it is reached."""

FIRST_TOKENS_A_WORD = 1.1
FIRST_SHARE = 0.25
_LEAST_WORDS = 8


@dataclass(slots=True)
class Continuation:
    """A session that was filled to its deepest turn, and goes on.

    `reached_tokens` is the prompt of the last turn that was answered, by the engine's count or,
    where it does not count, by what was sent. `turns` have been asked for so far.
    """

    sent: SentTurn
    reached_tokens: int
    reply_tokens: int
    target_tokens: int
    steps: int
    tokens_a_word: float = FIRST_TOKENS_A_WORD
    turns: int = 0
    _words: int = 0

    def next(self) -> ReplayPlan | None:
        """The next turn as a plan by itself, its prompt complete; ``None`` when it is deep enough.

        Also ``None`` when the reply before could not be continued, or after too many turns.
        """
        gap = self.target_tokens - self.reached_tokens
        if gap <= NEAR * self.target_tokens or self.sent.reply is None:
            return None
        if self.turns >= 2 * MOST_STEPS:
            return None
        left = max(1, self.steps + 1 - self.turns)
        # The first one only shows what a word costs: it must not end beyond the target.
        share = min(1 / left, FIRST_SHARE) if self.turns == 0 else 1 / left
        added = gap * share - self.reply_tokens - TEMPLATE_TOKENS
        self._words = max(_LEAST_WORDS, int(added / self.tokens_a_word))
        self.turns += 1
        before = self.sent.planned
        text = filler(f"{before.turn.session_id}/soak/{self.turns}", self._words).lstrip()
        messages = continued(self.sent.messages, self.sent.reply, text)
        turn = replace(
            before.turn,
            index=before.turn.index + 1,
            messages=messages,
            keep=len(self.sent.messages),
            response=None,
            boundary=None,
        )
        planned = PlannedTurn(before.order + 1, turn, before.output_tokens)
        return ReplayPlan((planned,), History.RECORDED, 1, digest="")

    @property
    def expected_tokens(self) -> int:
        """What the prompt of the turn asked for last comes to, before it is counted."""
        added = self._words * self.tokens_a_word + TEMPLATE_TOKENS
        return round(self.reached_tokens + self.reply_tokens + added)

    def answered(self, sent: SentTurn, record: TurnRecord) -> None:
        """Take in what came of that turn."""
        depth = self.expected_tokens
        if record.depth_tokens is not None:
            depth = record.depth_tokens
            paid = depth - self.reached_tokens - self.reply_tokens - TEMPLATE_TOKENS
            if paid > 0:
                self.tokens_a_word = paid / self._words
        self.sent, self.reached_tokens = sent, depth
        self.reply_tokens = record.output_tokens or SHORT_REPLY_TOKENS


def continued(messages: Sequence[Message], reply: Reply, text: str) -> tuple[Message, ...]:
    """`messages`, the engine's own reply, and `text` as the kind of message that came last.

    After a tool's result another one follows, under the id of the call that the reply makes, if it
    makes one; else the user speaks.
    """
    last = messages[-1]
    if last.get("role") != "tool":
        return (*messages, reply.as_message(), {"role": "user", "content": text})
    calls = [call["id"] for call in reply.tool_calls if call.get("id")]
    own = {"tool_call_id": calls[0]} if calls else {}
    return (*messages, reply.as_message(), {**last, "content": text, **own})
