"""Which prompts of a workload the quality of a setting is looked at in."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from autotune.replay.endpoint import Rendering
from autotune.replay.rendering import render
from autotune.workload.model import Message, Turn
from autotune.workload.prefix import common_prefix

WALK_TOKENS = 150_000
"""Prompt tokens read for one candidate at most, beyond the deepest prompt: about a trial's."""

CLOSING: Message = {"role": "user", "content": "Continue."}
"""Stands after the last recorded reply, so that the template writes that reply as a past one."""


@dataclass(frozen=True, slots=True)
class Walk:
    """One prompt through which positions are asked from its start to its end.

    It is the deepest of a session, or the last before a context edit; it holds every reply before
    it, so what one position leaves in the cache serves the next. `whole` ends with the turn's own
    recorded reply and a closing message, `plain` is for templates that refuse that. `tools` are as
    they are sent, `definitions` as they were recorded.
    """

    session_id: str
    turn: int
    depth_tokens: int
    whole: tuple[Message, ...]
    plain: tuple[Message, ...]
    tools: tuple[Mapping[str, Any], ...]
    definitions: tuple[Mapping[str, Any], ...]

    @property
    def key(self) -> str:
        """Session and turn as one word."""
        return f"{self.session_id}#{self.turn}"


def plan_walks(
    turns: Sequence[Turn],
    depths: Mapping[tuple[str, int], int],
    rendering: Rendering,
    *,
    seed: int,
    most_tokens: int = WALK_TOKENS,
) -> tuple[Walk, ...]:
    """The deepest session's walks, then those of others as drawn by `seed`, while they fit.

    `turns` are those that are replayed, `depths` their prompt tokens by the engine's count.
    """
    sessions: dict[str, list[Turn]] = {}
    for turn in turns:
        sessions.setdefault(turn.session_id, []).append(turn)
    if not sessions:
        return ()
    deepest = max(turns, key=lambda turn: depths[turn.session_id, turn.index]).session_id
    others = [name for name in sessions if name != deepest]
    random.Random(f"walks/{seed}").shuffle(others)
    taken: list[Walk] = []
    spent = 0
    for name in (deepest, *others):
        walks = [_walk(turn, depths, rendering) for turn in _ends(sessions[name])]
        cost = _cost(walks)
        if not taken or spent + cost <= most_tokens:
            taken += walks
            spent += cost
    return tuple(taken)


def _cost(walks: Sequence[Walk]) -> int:
    """Tokens that are read: walks of one session begin alike, so about those of the deepest."""
    return max(walk.depth_tokens for walk in walks)


def _ends(turns: Sequence[Turn]) -> Iterator[Turn]:
    """Turns whose prompt is not the beginning of the next one's."""
    ordered = sorted(turns, key=lambda turn: turn.index)
    for at, turn in enumerate(ordered):
        follower = ordered[at + 1] if at + 1 < len(ordered) else None
        if follower is None or _is_cut(turn, follower):
            yield turn


def _is_cut(turn: Turn, follower: Turn) -> bool:
    return common_prefix(turn.messages, follower.messages) < len(turn.messages)


def _walk(turn: Turn, depths: Mapping[tuple[str, int], int], rendering: Rendering) -> Walk:
    reply = () if turn.response is None else (turn.response, CLOSING)
    whole = render((*turn.messages, *reply), turn.tools, rendering)
    plain = render(turn.messages, turn.tools, rendering)
    return Walk(
        session_id=turn.session_id,
        turn=turn.index,
        depth_tokens=depths[turn.session_id, turn.index],
        whole=whole.messages,
        plain=plain.messages,
        tools=plain.tools,
        definitions=turn.tools,
    )
