"""One request as it went out, kept for questions that are asked after the replay."""

from __future__ import annotations

from dataclasses import dataclass

from autotune.replay.outcome import Reply
from autotune.replay.plan import PlannedTurn
from autotune.workload.model import Message


@dataclass(frozen=True, slots=True)
class SentTurn:
    """What was sent for one planned turn and what came back.

    `messages` are with the nonce and the history of this replay, before `Rendering`; turns of a
    session share their message objects, so that keeping them costs little. `reply` is ``None``
    for a turn that failed.
    """

    planned: PlannedTurn
    messages: tuple[Message, ...]
    reply: Reply | None
