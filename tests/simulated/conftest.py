"""Plans of a few short prompts, whose every number can be worked out by hand."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from autotune.replay.plan import History, PlannedTurn, ReplayPlan
from autotune.workload.model import Message, Turn

Texts = Sequence[str]
PlanOf = Callable[..., ReplayPlan]

CHARS = 4
MESSAGE_TOKENS = 4
"""As the simulator counts: four characters a token, four tokens around each message."""


def said(role: str, tokens: int, name: str) -> Message:
    """A message that counts `tokens`, told from others by its name."""
    return {"role": role, "content": name.ljust((tokens - MESSAGE_TOKENS) * CHARS, ".")}


def agent(
    session: str, turns: int, *, first: int = 100, new: int = 50, reply: int = 20
) -> list[Turn]:
    """A session that begins with `first` tokens and takes in `new` after every reply."""
    messages: tuple[Message, ...] = (said("user", first, session),)
    found = []
    for index in range(turns):
        answer = said("assistant", reply, f"{session} says {index}")
        found.append(Turn(session, index, messages, output_tokens=reply, response=answer))
        messages = (*messages, answer, said("tool", new, f"{session} result {index}"))
    return found


def plan_of(
    turns: Sequence[Turn], *, history: History = History.CLOSED_LOOP, concurrency: int = 1
) -> ReplayPlan:
    """`turns` in this order."""
    planned = tuple(PlannedTurn(at, t, t.output_tokens or 16) for at, t in enumerate(turns))
    digest = f"{history} {[(p.turn.session_id, p.turn.index, p.output_tokens) for p in planned]}"
    return ReplayPlan(planned, history, concurrency, digest)


@pytest.fixture
def two_agents() -> ReplayPlan:
    """Sessions a and b, three turns each, in turns: 100, 170 and 240 prompt tokens."""
    pairs = zip(agent("a", 3), agent("b", 3), strict=True)
    return plan_of([turn for pair in pairs for turn in pair])
