"""Transcripts with recorded depths, and an engine whose tokens are words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from autotune.workload.model import (
    Boundary,
    Fidelity,
    Message,
    PromptFidelity,
    Recorded,
    Session,
    Turn,
)

PER_MESSAGE = 2
"""Tokens that this engine's template adds to a message."""


def words(count: int, word: str = "seen") -> str:
    """A text of `count` words."""
    return " ".join([word] * count)


def say(role: str, count: int, word: str = "seen") -> Message:
    """A message of `count` words."""
    return {"role": role, "content": words(count, word)}


def tokens_of(messages: Sequence[Message], tools: Sequence[Mapping[str, Any]] = ()) -> int:
    """Words of every message, and `PER_MESSAGE` for each; ten for a tool."""
    texts = sum(len(str(m.get("content") or "").split()) for m in messages)
    return texts + PER_MESSAGE * len(messages) + 10 * len(tools)


def transcript(
    name: str,
    recorded: Sequence[int | None],
    *,
    reply: int = 5,
    result: int = 20,
    system: int = 0,
    task: int = 30,
    completion: int | None = None,
    missing: tuple[str, ...] = ("system", "tools"),
    boundaries: Mapping[int, Boundary] | None = None,
    model: str = "m",
    **turn: Any,
) -> Session:
    """A rebuilt session: a task, then a reply and a tool result a turn, sizes in words.

    `recorded` are the depths on record. At a `Boundary.COMPACTION` one message of ten words takes
    the place of all that was said.
    """
    messages: tuple[Message, ...] = (say("user", task, f"task-{name}"),)
    if system:
        messages = (say("system", system, "rules"), *messages)
    turns: list[Turn] = []
    for at, depth in enumerate(recorded):
        boundary = (boundaries or {}).get(at)
        if boundary is Boundary.COMPACTION:
            messages = (*messages[: 1 if system else 0], say("user", 10, "summary"))
        before = turns[-1].messages if turns else ()
        keep = sum(a is b for a, b in zip(before, messages, strict=False))
        turns.append(
            Turn(
                name, at, messages, keep,
                output_tokens=completion or reply,
                recorded=Recorded(
                    prompt_tokens=depth, completion_tokens=completion or reply, model=model
                ),
                boundary=boundary,
                fidelity=Fidelity(PromptFidelity.REBUILT, missing),
                origin={"format": "fmt"},
                **turn,
            )
        )  # fmt: skip
        messages = (*messages, say("assistant", reply, f"reply-{at}"), say("tool", result))
    return Session(name, tuple(turns))


def as_exact(session: Session) -> Session:
    """The same prompts, said to be the ones that were sent."""
    turns = tuple(replace(t, fidelity=Fidelity()) for t in session.turns)
    return replace(session, turns=turns)
