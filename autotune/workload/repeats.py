"""Requests that several files tell of: each is replayed once.

An agent that resumes or forks a session copies the lines before into a new file, and a sub-agent
may start with a copy of its parent's. A copy has the request's own id (`origin` ``request_id``); as
history of later prompts it stays, as a request it was made once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from autotune.workload.model import Boundary, Session, Turn
from autotune.workload.prefix import shared_objects


@dataclass(slots=True)
class RepeatedRequests:
    """Remembers the requests of every session; memory is a hash for each."""

    _seen: set[int] = field(default_factory=set)

    def without(self, session: Session) -> Session | None:
        """`session` without the requests of sessions before; ``None`` when there are no others.

        A turn that follows left-out ones resumes the session, or forks off its parent.
        """
        ids = [_request(turn) for turn in session.turns]
        fresh = [known is None or known not in self._seen for known in ids]
        self._seen.update(known for known in ids if known is not None)
        if all(fresh):
            return session
        if not any(fresh):
            return None
        return replace(session, turns=tuple(_kept(session, fresh)))


def _request(turn: Turn) -> int | None:
    """A hash of the request's own id, within its format."""
    name = turn.origin.get("request_id")
    return hash((turn.origin.get("format"), name)) if isinstance(name, str) else None


def _kept(session: Session, fresh: Sequence[bool]) -> list[Turn]:
    """The turns that are `fresh`, counted anew."""
    kept: list[Turn] = []
    for turn, is_fresh, follows in zip(session.turns, fresh, [True, *fresh], strict=False):
        if not is_fresh:
            continue
        boundary = turn.boundary if follows else _after_copies(session)
        before = kept[-1].messages if kept else ()
        keep = shared_objects(before, turn.messages)
        kept.append(replace(turn, index=len(kept), keep=keep, boundary=boundary))
    return kept


def _after_copies(session: Session) -> Boundary:
    return Boundary.FORK if session.parent is not None else Boundary.RESUME
