"""Sizes and gaps of one session, drawn before any text is: growth, replies, idle time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import accumulate
from random import Random

MIN_REPLY_TOKENS = 16
MIN_RESULT_TOKENS = 16
DECODE_TPS = 40.0
FIRST_TOKEN_MS = 800.0
"""A nominal server: it only spaces the timestamps, and is never shown as a measurement."""

_REPLY_SIGMA = 0.6
_RESULT_SIGMA = 1.0
_LARGE_SHARE = 0.06
_LARGE_FACTOR = 6.0
_USER_SHARE = 0.08


@dataclass(frozen=True, slots=True)
class StepPlan:
    """One turn: its depth, the length of its reply, and the idle time before its request.

    `asks_user` turns follow a message of the user instead of a tool result.
    """

    depth_tokens: int
    reply_tokens: int
    delay_ms: float
    asks_user: bool

    @property
    def busy_ms(self) -> float:
        """Nominal time from request to the end of the reply."""
        return FIRST_TOKEN_MS + self.reply_tokens * 1000.0 / DECODE_TPS


def growth_needed(turns: int, reply_tokens: int) -> int:
    """Tokens by which a session of this many turns grows at the least."""
    return (turns - 1) * (reply_tokens * 5 // 4 + MIN_RESULT_TOKENS)


def plan_steps(
    rng: Random, turns: int, start_tokens: int, depth_tokens: int, reply_tokens: int
) -> list[StepPlan]:
    """The turns of one session: from `start_tokens` to `depth_tokens` exactly.

    Reply lengths are lognormal around the median `reply_tokens`; tool results share the rest of
    the growth by lognormal weights, a few of them large.
    """
    replies = [_reply(rng, reply_tokens) for _ in range(turns)]
    replies = _fitted(replies, depth_tokens - start_tokens)
    results = _results(rng, replies[:-1], depth_tokens - start_tokens)
    growth = (reply + result for reply, result in zip(replies, results, strict=False))
    depths = accumulate(growth, initial=start_tokens)
    return [
        StepPlan(depth, reply, _delay_ms(rng, user := _asks_user(rng, index)), user)
        for index, (depth, reply) in enumerate(zip(depths, replies, strict=True))
    ]


def _reply(rng: Random, median: int) -> int:
    drawn = round(rng.lognormvariate(0.0, _REPLY_SIGMA) * median)
    return max(MIN_REPLY_TOKENS, min(drawn, 8 * median))


def _fitted(replies: list[int], growth: int) -> list[int]:
    """Replies that leave room for tool results: the longest are shortened where they must be."""
    room = growth - MIN_RESULT_TOKENS * (len(replies) - 1)
    cap = max(replies)
    while sum(min(reply, cap) for reply in replies[:-1]) > room and cap > MIN_REPLY_TOKENS:
        cap = max(MIN_REPLY_TOKENS, cap * 9 // 10)
    return [min(reply, cap) for reply in replies]


def _results(rng: Random, replies: list[int], growth: int) -> list[int]:
    """Tokens of each tool result; with the replies they add up to `growth`."""
    if not replies:
        return []
    spare = growth - sum(replies) - MIN_RESULT_TOKENS * len(replies)
    weights = [_weight(rng) for _ in replies]
    total = sum(weights)
    ends = [round(spare * part / total) for part in accumulate(weights)]
    shares = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    return [MIN_RESULT_TOKENS + share for share in shares]


def _weight(rng: Random) -> float:
    factor = _LARGE_FACTOR if rng.random() < _LARGE_SHARE else 1.0
    return rng.lognormvariate(0.0, _RESULT_SIGMA) * factor


def _asks_user(rng: Random, index: int) -> bool:
    return rng.random() < _USER_SHARE and index > 0


def _delay_ms(rng: Random, user: bool) -> float:
    """Idle time before a request: a tool at work (about a second), or a person who thinks."""
    median = 25_000.0 if user else 900.0
    return float(round(rng.lognormvariate(0.0, 0.9) * median))
