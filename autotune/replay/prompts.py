"""The prompts of a plan without an engine, for whoever must see them before a replay."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotune.replay.history import SessionHistory
from autotune.replay.nonce import DIGITS, with_nonce
from autotune.replay.outcome import Reply
from autotune.replay.plan import History, ReplayPlan
from autotune.workload.filler import filler
from autotune.workload.model import Message, Turn
from autotune.workload.prefix import common_prefix

STAND_IN = Reply(content="ok")
"""Stands for what the engine will have said, in closed loop, where its length does not matter."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt as it would be sent, before rendering."""

    session_id: str
    turn: int
    messages: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]


def longest_prompts(plan: ReplayPlan) -> list[Prompt]:
    """The prompts that hold every other: a session's last, and the last before each edit."""
    nonce = " ".join("0" * DIGITS)
    found: list[Prompt] = []
    for session_id in plan.session_ids:
        turns = [p.turn for p in plan.turns if p.turn.session_id == session_id]
        found.extend(_ends(SessionHistory(plan.history), turns, nonce))
    return found


def _ends(history: SessionHistory, turns: list[Turn], nonce: str) -> Iterator[Prompt]:
    for at, turn in enumerate(turns):
        messages = history.prompt(turn)
        history.answered(STAND_IN)
        follower = turns[at + 1] if at + 1 < len(turns) else None
        if follower is None or _is_cut(turn, follower):
            yield Prompt(turn.session_id, turn.index, with_nonce(messages, nonce), turn.tools)


def _is_cut(turn: Turn, follower: Turn) -> bool:
    return common_prefix(turn.messages, follower.messages) < len(turn.messages)


def replayed_prompts(
    turns: Sequence[Turn], history: History, output_tokens: Sequence[int]
) -> list[tuple[Message, ...]]:
    """The messages of every prompt of a session as a replay sends them, but for the nonce.

    In closed loop each reply is filler of its pinned length, one of `output_tokens` for each turn.
    """
    session = SessionHistory(history)
    prompts = []
    for turn, tokens in zip(turns, output_tokens, strict=True):
        prompts.append(session.prompt(turn))
        session.answered(Reply(content=filler(f"reply/{turn.session_id}/{turn.index}", tokens)))
    return prompts
