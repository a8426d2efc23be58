"""Filler put into rebuilt prompts, up to the depth that was recorded.

A transcript shows less than was sent: no system prompt, no tools, no thinking. What is missing was
in the prompt all the same, and the engine has to hold it. Filler stands for it, in the places where
it was:

* at `HEAD`, the end of the system prompt, for the system prompt and the tools;
* in front of a message that is not the assistant's, for what came before it: lost thinking, or
  the history of a session that begins in the middle. It cannot stand in the assistant's own
  message, since in closed loop the engine's reply takes that one's place.

A pad stays where it is in every later prompt that keeps its message, so prompts share what they
shared before. Pads are plain numbers: the words follow from their seeds, the same on every machine.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.filler import filler
from autotune.workload.model import (
    Boundary,
    Fidelity,
    Message,
    PromptFidelity,
    Session,
    Turn,
)
from autotune.workload.prefix import common_prefix, shared_objects

HEAD = -1
"""The place of filler for the system prompt and the tools."""

SYSTEM_ROLES = frozenset({"system", "developer"})
FALL = 0.01
"""A recorded depth that falls by more than this share, while the transcript only grows, shows that
something was taken out of the prompt which the transcript never had. Smaller falls are one lost
thought at the very end: measured at 0.1%, with the rest of the prompt still cached."""


@dataclass(frozen=True, slots=True)
class Pad:
    """`words` of filler at `place` from the turn of index `turn` on; 0 takes a pad away.

    `place` is `HEAD` or a position in the turn's own messages. The first `shared` words are those
    of the agent, the same in all its sessions.
    """

    turn: int
    place: int
    words: int
    shared: int = 0


@dataclass(frozen=True, slots=True)
class SessionPads:
    """The pads of one session, in the order of its turns; `agent` seeds the words it shares."""

    agent: str
    pads: tuple[Pad, ...]
    tokens_per_word: float = 1.0

    def to_json(self) -> dict[str, Any]:
        """Plain data: the agent, tokens a word, and ``[turn, place, words, shared]`` rows."""
        rows = [[p.turn, p.place, p.words, p.shared] for p in self.pads]
        return {"agent": self.agent, "tokens_per_word": self.tokens_per_word, "pads": rows}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> SessionPads:
        """The pads back from `to_json`."""
        pads = tuple(Pad(*map(int, row)) for row in data["pads"])
        return cls(str(data["agent"]), pads, float(data["tokens_per_word"]))


def agent_of(session: Session) -> str:
    """Which agent a session is of: its format and its model, as far as they are known."""
    first = session.turns[0]
    model = next((t.recorded.model for t in session.turns if t.recorded.model), "")
    return f"{first.origin.get('format', '')} {model}".strip()


def can_be_padded(session: Session) -> bool:
    """Whether prompts were rebuilt, and the depth that they had is on record."""
    return any(
        t.fidelity.prompt is PromptFidelity.REBUILT and t.recorded.prompt_tokens is not None
        for t in session.turns
    )


def begins_midway(session: Session) -> bool:
    """Whether the first prompt held a conversation that the capture does not have."""
    first = session.turns[0]
    resumed = first.boundary in (Boundary.RESUME, Boundary.FORK)
    return resumed or "history" in first.fidelity.missing


def mark_hidden_edits(session: Session) -> Session:
    """`session` with `Boundary.EDIT` where the recorded depth shows an edit that its text does not.

    Agents drop old thinking when the user speaks again: the recorded depth falls, although every
    message of the prompt before is still there. The prefix was cut in life, so it is in a replay.
    """
    turns = list(session.turns)
    before: Turn | None = None
    for at, turn in enumerate(turns):
        if before is not None and _hides_edit(before, turn):
            turns[at] = replace(turn, boundary=Boundary.EDIT)
        if turn.recorded.prompt_tokens is not None:
            before = turn
    return replace(session, turns=tuple(turns))


def _hides_edit(before: Turn, turn: Turn) -> bool:
    was, now = before.recorded.prompt_tokens, turn.recorded.prompt_tokens
    if turn.boundary is not None or was is None or now is None or now >= was * (1 - FALL):
        return False
    return common_prefix(before.messages, turn.messages) == len(before.messages)


def place_for(messages: Sequence[Message], start: int) -> int | None:
    """Where filler may stand among the messages from `start` on; ``None`` when nowhere."""
    for at in range(start, len(messages)):
        leads = at == 0 and _is_system(messages[0])
        if messages[at].get("role") != "assistant" and not leads and _takes_text(messages[at]):
            return at
    return None


def _is_system(message: Message) -> bool:
    return message.get("role") in SYSTEM_ROLES and _takes_text(message)


def _takes_text(message: Message) -> bool:
    content = message.get("content")
    return content is None or isinstance(content, str | list | tuple)


def apply_pads(session: Session, pads: SessionPads) -> Session:
    """`session` with its filler; turns share the padded messages as they shared the bare ones.

    Turns that hold filler are marked ``padded``, with about as many `pad_tokens` as it costs.
    """
    writer = _Writer(session.session_id, pads)
    return replace(session, turns=tuple(map(writer.padded, mark_hidden_edits(session).turns)))


def pad_sessions(
    sessions: Iterable[Session], pads: Mapping[str, SessionPads]
) -> tuple[Session, ...]:
    """Every session, those with pads padded."""
    return tuple(apply_pads(s, pads[s.session_id]) if s.session_id in pads else s for s in sessions)


@dataclass(frozen=True, slots=True)
class _Standing:
    """A pad in force; `seed` is that of the words after the shared ones."""

    words: int
    shared: int
    seed: str


@dataclass(slots=True)
class _Writer:
    """Pads the turns of one session, in order."""

    session_id: str
    pads: SessionPads
    _due: dict[int, list[Pad]] = field(default_factory=dict)
    _standing: dict[int, _Standing] = field(default_factory=dict)
    _before: tuple[Message, ...] = ()
    _done: list[Message] = field(default_factory=list)
    _sent: tuple[Message, ...] = ()
    _head: Message | None = None

    def __post_init__(self) -> None:
        for pad in self.pads.pads:
            self._due.setdefault(pad.turn, []).append(pad)

    def padded(self, turn: Turn) -> Turn:
        """`turn` with the filler that its prompt holds."""
        kept = common_prefix(self._before, turn.messages)
        self._standing = {at: pad for at, pad in self._standing.items() if at < kept}
        changed = self._take_due(turn.index)
        messages = self._messages(turn.messages, kept, changed)
        keep = shared_objects(self._sent, messages)
        self._before, self._sent = turn.messages, messages
        return replace(turn, messages=messages, keep=keep, fidelity=self._fidelity(turn.fidelity))

    def _take_due(self, index: int) -> set[int]:
        """Put the pads of this turn in force; the places that changed."""
        due = self._due.get(index, [])
        for pad in due:
            before = self._standing.pop(pad.place, None)
            seed = before.seed if before else f"{self.session_id}/{index}/{pad.place}"
            if pad.words:
                self._standing[pad.place] = _Standing(pad.words, pad.shared, seed)
        return {pad.place for pad in due}

    def _messages(
        self, bare: tuple[Message, ...], kept: int, changed: set[int]
    ) -> tuple[Message, ...]:
        """The padded prompt; what neither its message nor its pad changed is the same object."""
        has_system = bool(bare) and _is_system(bare[0])
        if HEAD in changed and has_system:
            changed = changed | {0}
        done = [
            self._done[at] if at < kept and at not in changed else self._message(at, message)
            for at, message in enumerate(bare)
        ]
        self._done = done
        if has_system or HEAD not in self._standing:
            return tuple(done)
        if self._head is None or HEAD in changed:
            self._head = {"role": "system", "content": self._text(HEAD).lstrip()}
        return (self._head, *done)

    def _message(self, at: int, message: Message) -> Message:
        if at == 0 and HEAD in self._standing and _is_system(message):
            return _with_text(message, self._text(HEAD), in_front=False)
        if at in self._standing:
            return _with_text(message, self._text(at), in_front=True)
        return message

    def _text(self, place: int) -> str:
        pad = self._standing[place]
        shared = min(pad.shared, pad.words)
        return filler(self.pads.agent, shared) + filler(pad.seed, pad.words - shared)

    def _fidelity(self, fidelity: Fidelity) -> Fidelity:
        words = sum(pad.words for pad in self._standing.values())
        if not words:
            return fidelity
        tokens = round(words * self.pads.tokens_per_word)
        return replace(fidelity, prompt=PromptFidelity.PADDED, pad_tokens=tokens)


def _with_text(message: Message, text: str, *, in_front: bool) -> Message:
    """`message` with `text` before or after its own, whatever shape its content has."""
    content = message.get("content")
    if isinstance(content, list | tuple):
        part = {"type": "text", "text": f"{text}\n\n" if in_front else f"\n\n{text}"}
        return {**message, "content": [part, *content] if in_front else [*content, part]}
    if not content:
        return {**message, "content": text}
    joined = f"{text}\n\n{content}" if in_front else f"{content}\n\n{text}"
    return {**message, "content": joined}
