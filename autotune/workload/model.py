"""Session, turn, workload: the words of a replay, frozen."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Message = Mapping[str, Any]
"""One chat message in OpenAI shape; tool-call arguments stay the original string."""


class Boundary(StrEnum):
    """Why a turn's prompt does not simply extend the one before it."""

    COMPACTION = "compaction"
    EDIT = "edit"
    RESUME = "resume"
    FORK = "fork"
    SUBAGENT = "subagent"


class PromptFidelity(StrEnum):
    """How far the prompt of a turn is the one that was really sent."""

    EXACT = "exact"
    REBUILT = "rebuilt"
    PADDED = "padded"
    SYNTHETIC = "synthetic"


@dataclass(frozen=True, slots=True)
class Fidelity:
    """How far a turn can be trusted, and what its capture did not hold."""

    prompt: PromptFidelity = PromptFidelity.EXACT
    missing: tuple[str, ...] = ()
    pad_tokens: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the capture says of the original request. Absent is ``None``."""

    prompt_tokens: int | None = None
    cached_tokens: int | None = None
    completion_tokens: int | None = None
    reasoning_tokens: int | None = None
    ttft_ms: float | None = None
    latency_ms: float | None = None
    model: str | None = None
    tokenizer: str | None = None


@dataclass(frozen=True, slots=True)
class Turn:
    """One model request with the whole prompt it carried.

    `messages` is the full prompt; consecutive turns share the message objects, so a session
    costs its text once. The first `keep` of them are the turn before's: as many as the two have
    in common, 0 for a first turn.
    `timestamp_ms` is when the request was sent, on any clock that the capture's sessions share;
    `delay_ms` is the idle time between the end of the previous turn and this request.
    `response` is the recorded reply. `output_tokens` is its recorded length.
    `extra` holds keys of the capture that this version does not know, for the way back to a file.
    """

    session_id: str
    index: int
    messages: tuple[Message, ...]
    keep: int = 0
    tools: tuple[Mapping[str, Any], ...] = ()
    params: Mapping[str, Any] = field(default_factory=dict)
    output_tokens: int | None = None
    timestamp_ms: float | None = None
    delay_ms: float | None = None
    response: Message | None = None
    recorded: Recorded = Recorded()
    boundary: Boundary | None = None
    fidelity: Fidelity = Fidelity()
    origin: Mapping[str, Any] = field(default_factory=dict)
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Session:
    """One agent conversation; `parent` names the session that spawned a sub-agent."""

    session_id: str
    turns: tuple[Turn, ...]
    parent: str | None = None


@dataclass(frozen=True, slots=True)
class Damage:
    """One kind of damage found while reading, counted: ``torn-line`` x 1 in ``a.jsonl``.

    `harmless` damage cost nothing: what was read is what was written.
    """

    file: str
    kind: str
    count: int
    first_line: int
    detail: str = ""
    harmless: bool = False


@dataclass(frozen=True, slots=True)
class Workload:
    """The sessions a study replays, after selection. `digest` names their content."""

    sessions: tuple[Session, ...]
    digest: str
    formats: tuple[str, ...] = ()
    damage: tuple[Damage, ...] = ()

    @property
    def turns(self) -> Sequence[Turn]:
        """Every turn of every session, session by session."""
        return [turn for session in self.sessions for turn in session.turns]
