"""The requests of one conversation as the turns of a session."""

from __future__ import annotations

from array import array
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from autotune.workload.model import Boundary, Fidelity, Session, Turn
from autotune.workload.prefix import shared_chain, shared_objects
from autotune.workload.readers.checks import difference_ms
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.message_store import Stored
from autotune.workload.readers.prefix_tree import PrefixTree

MOVED_TAIL_SHARE = 0.1
"""A prompt that replaces no more than this share of the one before is no context edit: agents move
a reminder or a countdown along the end of every prompt, and the prefix is reused up to it."""

COMPACTED_SHARE = 0.5
"""An edit that leaves less than this share of the prompt's text is a compaction."""


@dataclass(slots=True)
class Entry:
    """A request, the store's own messages of its prompt, and their nodes in the tree of prompts.

    `likeness` is alike for requests that one conversation may hold for another reason than their
    prompts; `named` is the conversation's own id. `compacts` says that it took another prompt's
    place.
    """

    request: LoggedRequest
    prompt: tuple[Stored, ...]
    path: array[int] = field(default_factory=lambda: array("L"))
    likeness: Hashable | None = None
    named: str | None = None
    compacts: bool = False

    @property
    def chars(self) -> int:
        """Characters of the whole prompt."""
        return sum(stored.chars for stored in self.prompt)


@dataclass(frozen=True, slots=True)
class SessionMaker:
    """Makes sessions of the entries of one `tree`; `origin` goes into every turn."""

    tree: PrefixTree
    origin: Mapping[str, Any]

    def session(
        self, session_id: str, entries: Sequence[Entry], parent: str | None, *, forked: bool
    ) -> Session:
        """The session of `entries`; one that `forked` starts with that boundary."""
        turns: list[Turn] = []
        for index, entry in enumerate(entries):
            before = entries[index - 1] if index else None
            first = Boundary.FORK if forked else None
            boundary = self.boundary(before, entry) if before else first
            turns.append(self._turn(session_id, turns, before, entry, boundary))
            if before and boundary is None:
                turns[-2] = _answered(turns[-2], entry, shared_chain(before.path, entry.path))
        return Session(session_id, tuple(turns), parent)

    def boundary(self, before: Entry, entry: Entry) -> Boundary | None:
        """Why `entry` does not simply extend `before`, if it does not."""
        if entry.compacts:
            return Boundary.COMPACTION
        shared = shared_chain(before.path, entry.path)
        if shared == len(before.path):
            return None
        chars = self.tree.chars
        whole, now = chars[before.path[-1]], chars[entry.path[-1]]
        kept = chars[entry.path[shared - 1]] if shared else 0
        if whole - kept <= MOVED_TAIL_SHARE * whole:
            return None
        return Boundary.COMPACTION if now < COMPACTED_SHARE * whole else Boundary.EDIT

    def _turn(
        self,
        session_id: str,
        turns: Sequence[Turn],
        before: Entry | None,
        entry: Entry,
        boundary: Boundary | None,
    ) -> Turn:
        request = entry.request
        messages = tuple(stored.message for stored in entry.prompt)
        return Turn(
            session_id=session_id,
            index=len(turns),
            messages=messages,
            keep=shared_objects(turns[-1].messages, messages) if turns else 0,
            tools=tuple(request.tools),
            params=request.params,
            output_tokens=request.output_tokens,
            timestamp_ms=request.timestamp_ms,
            delay_ms=_delay_ms(before, request),
            response=request.response,
            recorded=request.recorded,
            boundary=boundary,
            fidelity=Fidelity(request.fidelity, request.missing),
            origin={**self.origin, "line": request.line, **request.origin},
        )


def _answered(turn: Turn, after: Entry, shared: int) -> Turn:
    """`turn` with its reply: where the log has none, the one that the next prompt carries."""
    if turn.response is not None or shared == len(after.prompt):
        return turn
    message = after.prompt[shared].message
    return replace(turn, response=message) if message.get("role") == "assistant" else turn


def _delay_ms(before: Entry | None, request: LoggedRequest) -> float | None:
    """The idle time that the log tells, else the time since the reply before."""
    if before is None or request.delay_ms is not None:
        return request.delay_ms
    told = before.request.idle_after_ms
    if told is not None and _follows(before.request.place, request.place):
        return told
    return difference_ms(before.request.end_ms, request.timestamp_ms)


def _follows(before: int | None, place: int | None) -> bool:
    return before is None or place is None or place == before + 1
