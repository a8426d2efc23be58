"""Requests put together again from a conversation that was written down once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
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
from autotune.workload.prefix import shared_objects

NOTHING_RECORDED = Recorded()


@dataclass(slots=True)
class SessionBuilder:
    """A conversation as a transcript tells it: messages as they come, a request wherever one was.

    `missing` says what every prompt of this session lacks against what was sent: ``system``,
    ``tools``, ``thinking``; a turn may add to it. `file_digest` is `base.file_hash` of the capture.
    The text of a session is held once: turns share the message objects.
    """

    session_id: str
    format: str
    file_digest: str
    parent: str | None = None
    missing: tuple[str, ...] = ()
    tools: tuple[Mapping[str, Any], ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    turns: list[Turn] = field(default_factory=list)
    _boundary: Boundary | None = None

    def say(self, message: Message) -> None:
        """One more message: the next request carries it."""
        self.messages.append(message)

    def replace(self, messages: Iterable[Message], boundary: Boundary) -> None:
        """The context was edited: the next request carries `messages` and is marked `boundary`."""
        self.messages = list(messages)
        self._boundary = boundary

    def mark(self, boundary: Boundary) -> None:
        """The next request is marked `boundary`, its messages as they are."""
        self._boundary = boundary

    def request(
        self,
        *,
        line: int,
        response: Message | None = None,
        recorded: Recorded = NOTHING_RECORDED,
        output_tokens: int | None = None,
        timestamp_ms: float | None = None,
        delay_ms: float | None = None,
        missing: tuple[str, ...] = (),
        fidelity: PromptFidelity = PromptFidelity.REBUILT,
        origin: Mapping[str, Any] | None = None,
    ) -> None:
        """A request over everything said so far; `line` is where the capture tells of it.

        The reply is not yet part of the conversation: `say` it where the next prompt carries it.
        Without messages there is nothing to send, and no turn.
        """
        if not self.messages:
            return
        earlier = self.turns[-1].messages if self.turns else ()
        lacking = tuple(dict.fromkeys((*self.missing, *missing)))
        where = {"format": self.format, "file": self.file_digest, "line": line}
        self.turns.append(
            Turn(
                session_id=self.session_id,
                index=len(self.turns),
                messages=tuple(self.messages),
                keep=shared_objects(earlier, self.messages),
                tools=self.tools,
                params=self.params,
                output_tokens=output_tokens,
                timestamp_ms=timestamp_ms,
                delay_ms=delay_ms,
                response=response,
                recorded=recorded,
                boundary=self._boundary,
                fidelity=Fidelity(fidelity, lacking),
                origin={**where, **(origin or {})},
            )
        )
        self._boundary = None

    def session(self) -> Session | None:
        """The session so far; ``None`` when it made no request."""
        return Session(self.session_id, tuple(self.turns), self.parent) if self.turns else None
