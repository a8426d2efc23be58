"""How many tokens this engine counts for one that a capture recorded.

Recorded counts come from the tokenizer of the recorded model. Exact prompts tell the scale as a
whole: counted over recorded. Of a transcript only parts are whole. One is what the tools answered:
a prompt grows by the reply, which has a recorded length, and by the results, which are all there.
So results are compared with recorded growth less recorded reply, and lost thinking, which was part
of the reply, does not come into it. What an agent adds unseen to a result (a reminder, a wrapper)
makes the scale too small: short results are left out, as are prompts that are known to lack more
than their front and their thinking, and where results disagree none is believed.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median, quantiles
from typing import Any

from autotune.workload.depth import CHARS_PER_TOKEN, message_chars
from autotune.workload.model import Message, PromptFidelity, Session, Turn
from autotune.workload.prefix import common_prefix

LEAST_TURNS = 8
"""Fewer are not evidence."""
LEAST_RESULT_TOKENS = 300
"""Below this a wrapper of 20 to 50 tokens weighs too much."""
SANE = (0.7, 1.6)
"""Real tokenizers lie well within; what lies outside is text that is missing, or not text."""
WIDEST_SPREAD = 0.2
"""The middle half of the turns must lie within this share of their median."""

_ELSEWHERE = frozenset({"system", "tools", "thinking", "history"})
"""Parts that may be missing without touching a result: they stand at the front or in the reply."""

_RESULT_ROLES = frozenset({"tool", "function"})


@dataclass(frozen=True, slots=True)
class Scale:
    """Tokens of this engine for each recorded one.

    `measured` is what the capture told, whether or not it was believed; ``None`` when it told
    nothing. `why` says what `value` rests on.
    """

    value: float = 1.0
    measured: float | None = None
    turns: int = 0
    why: str = "nothing to measure it on"

    def tokens(self, recorded: int | None) -> int | None:
        """A recorded count in tokens of this engine."""
        return None if recorded is None else round(recorded * self.value)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "value": self.value,
            "measured": self.measured,
            "turns": self.turns,
            "why": self.why,
        }


@dataclass(frozen=True, slots=True)
class ResultSample:
    """What tools answered before one turn: their texts, and how many tokens were recorded."""

    texts: tuple[str, ...]
    recorded_tokens: int


def result_samples(session: Session) -> Iterator[ResultSample]:
    """Every turn of a transcript whose growth is a reply of known length and results in full."""
    roles = _result_roles(session)
    for before, turn in pairwise(session.turns):
        tokens = _result_tokens(before, turn)
        if turn.boundary is not None or tokens is None or tokens < LEAST_RESULT_TOKENS:
            continue
        if not _ELSEWHERE.issuperset(turn.fidelity.missing):
            continue
        shared = common_prefix(before.messages, turn.messages)
        new = turn.messages[shared:]
        results = [m for m in new if m.get("role") != "assistant"]
        reply = [m for m in new if m.get("role") == "assistant"]
        if shared == len(before.messages) and _is_whole(results, roles) and _fits(reply, before):
            yield ResultSample(tuple(str(m["content"]) for m in results), tokens)


def _result_roles(session: Session) -> frozenset[str]:
    """Who brings results: tools; in protocols of plain text, the user."""
    last = session.turns[-1].messages
    has_tools = any(m.get("role") in _RESULT_ROLES for m in last)
    return _RESULT_ROLES if has_tools else frozenset({"user"})


def _result_tokens(before: Turn, turn: Turn) -> int | None:
    was, now = before.recorded.prompt_tokens, turn.recorded.prompt_tokens
    reply = before.recorded.completion_tokens
    return None if was is None or now is None or reply is None else now - was - reply


def _is_whole(results: Sequence[Message], roles: frozenset[str]) -> bool:
    """Whether all of the new messages are results, and are text."""
    return bool(results) and all(
        m.get("role") in roles and isinstance(m.get("content"), str) for m in results
    )


def _fits(reply: Sequence[Message], before: Turn) -> bool:
    """Whether the recorded length can be that of the reply that is seen.

    Some captures hold the count from the reply's first event: 1 or 3 tokens for a page.
    """
    seen = sum(map(message_chars, reply)) / CHARS_PER_TOKEN
    return seen <= 2 * (before.recorded.completion_tokens or 0)


def scale_of_results(ratios: Sequence[float]) -> Scale:
    """The scale that counted over recorded results tell, where there are enough that agree."""
    if not ratios:
        return Scale()
    if len(ratios) < LEAST_TURNS:
        return Scale(turns=len(ratios), why=f"only {len(ratios)} turns to measure it on")
    middle = median(ratios)
    low, _, high = quantiles(ratios, n=4)
    measured = round(middle, 3)
    if high - low > WIDEST_SPREAD * middle:
        return Scale(1.0, measured, len(ratios), "the turns disagree")
    if not SANE[0] <= middle <= SANE[1]:
        return Scale(1.0, measured, len(ratios), "what was measured is not plausible")
    return Scale(measured, measured, len(ratios), "results counted against recorded growth")


def deep_turns(session: Session) -> tuple[int, ...]:
    """Positions of the deepest recorded turn and of two more among the deepest quarter."""
    depths = [(t.recorded.prompt_tokens, at) for at, t in enumerate(session.turns)]
    ranked = sorted((tokens, at) for tokens, at in depths if tokens)
    last = len(ranked) - 1
    return tuple(dict.fromkeys(ranked[last * share // 8][1] for share in (8, 7, 6) if ranked))


def at_least_visible(scale: Scale, shares: Sequence[float]) -> Scale:
    """`scale`, or more where transcripts show more than that much text.

    `shares` is for each session what its deep prompts show in this engine's tokens over what was
    recorded for them. Text that is seen was sent, so the scale is no less.
    """
    seen = round(median(shares), 3) if shares else 0.0
    if not scale.value < seen <= SANE[1]:
        return scale
    return Scale(seen, scale.measured, scale.turns, "the deepest prompts show that much text")


def scale_of_prompts(ratios: Sequence[float]) -> Scale:
    """The scale that exact prompts tell, counted over recorded."""
    if not ratios:
        return Scale()
    measured = round(median(ratios), 3)
    return Scale(measured, measured, len(ratios), "whole prompts counted against recorded ones")


def prompt_ratios(session: Session, depths: Sequence[int]) -> Iterator[float]:
    """Counted over recorded for every exact prompt of `session`; `depths` are the counted ones."""
    for turn, depth in zip(session.turns, depths, strict=True):
        recorded = turn.recorded.prompt_tokens
        if recorded and turn.fidelity.prompt is PromptFidelity.EXACT:
            yield depth / recorded
