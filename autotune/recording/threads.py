"""Which conversation a request goes on with, decided as requests end.

A request joins the session whose last prompt it extends, to the letter. Where none is, it joins
one whose conversation it goes on with, though the prompt was edited on the way; that takes a reply
of the model, or an id from the client, as evidence. Without evidence it is a session of its own.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from enum import StrEnum

from autotune.recording.fingerprint import Chain, Fingerprint, answered
from autotune.recording.hints import Hints
from autotune.workload.model import Boundary, Message
from autotune.workload.prefix import shared_chain

MAX_THREADS = 1024
"""Conversations remembered; beyond it the one that was idle longest is forgotten."""

_SHARED_TALK = 2
"""Messages that show the same conversation: what the user said first, and a reply to it."""


@dataclass(frozen=True, slots=True)
class Request:
    """What decides where a request belongs; times in seconds of the monotonic clock.

    `ended_s` is when the last of its reply came. `raw` is a prompt that the client rendered by
    itself. Of a request that has passed no text is kept: the `mark` (length and hash) of `raw`, and
    its `talk` with the reply at its end.
    """

    fingerprint: Fingerprint
    model: str | None
    hints: Hints
    started_s: float
    ended_s: float
    reply: Message | None = None
    raw: str | None = None
    mark: tuple[int, bytes] | None = None
    talk: Chain = ()


@dataclass(slots=True, eq=False)
class Thread:
    """One conversation: the last request of it, and how many there were."""

    session_id: str
    scope: str
    last: Request
    parent: str | None = None
    turns: int = 0

    @property
    def family(self) -> tuple[object, ...]:
        """Requests of one loop ask one model with the same tools."""
        return _family(self.last)


@dataclass(frozen=True, slots=True)
class Placement:
    """A request's thread, how many messages of its last prompt it keeps, and why not all."""

    thread: Thread
    keep: int
    before: Request | None
    boundary: Boundary | None = None


class _Fit(StrEnum):
    """How a request fits a thread, best first."""

    EXTENDS = "extends"
    SAME_TALK = "same-talk"
    COMPACTED = "compacted"


def _family(request: Request) -> tuple[object, ...]:
    return (request.model, request.fingerprint.tool_names)


@dataclass(slots=True)
class Threads:
    """Every conversation under way. `prefix` begins the names of those that have none.

    `forget` is called with the name of a conversation that will never be gone on with.
    """

    prefix: str
    forget: Callable[[str], None]
    _threads: OrderedDict[str, Thread] = field(default_factory=OrderedDict)
    _named: dict[str, int] = field(default_factory=dict)
    _unnamed: int = 0

    def place(self, request: Request) -> Placement:
        """The thread of `request`, which is now its last."""
        scope = _scope(request.hints)
        found = self._extended(request, scope) or self._edited(request, scope)
        if found is None:
            return self._begin(request, scope)
        thread, fit = found
        before = thread.last
        keep = before.fingerprint.shared(request.fingerprint)
        whole = keep == len(before.fingerprint.messages) or fit is _Fit.EXTENDS
        boundary = None if whole else _boundary(fit)
        self._touch(thread, request)
        return Placement(thread, keep, before, boundary)

    def _extended(self, request: Request, scope: str) -> tuple[Thread, _Fit] | None:
        """The thread with the longest last prompt that `request` begins with."""
        fits = [thread for thread in self._of(scope) if _extends(thread.last, request)]
        best = max(fits, key=lambda t: _closeness(t.last, request), default=None)
        return (best, _Fit.EXTENDS) if best else None

    def _edited(self, request: Request, scope: str) -> tuple[Thread, _Fit] | None:
        """The thread of the same loop that goes on in `request` with an edited prompt.

        One that was still being answered when `request` began runs beside it.
        """
        family = _family(request)
        idle = [
            thread
            for thread in self._of(scope)
            if thread.family == family and thread.last.ended_s <= request.started_s
        ]
        shared = [(_shared_talk(t.last, request), t.last.ended_s, t) for t in idle]
        best = max(shared, key=lambda found: found[:2], default=None)
        if best is not None and best[0] >= _SHARED_TALK:
            return best[2], _Fit.SAME_TALK
        compacted = [thread for thread in idle if scope and _is_compacted(thread.last, request)]
        latest = max(compacted, key=lambda t: t.last.ended_s, default=None)
        return (latest, _Fit.COMPACTED) if latest else None

    def _of(self, scope: str) -> Iterator[Thread]:
        return (thread for thread in self._threads.values() if thread.scope == scope)

    def _begin(self, request: Request, scope: str) -> Placement:
        parent, boundary = self._origin(request, scope)
        thread = Thread(self._name(request.hints), scope, request, parent)
        self._touch(thread, request)
        while len(self._threads) > MAX_THREADS:
            self.forget(self._threads.popitem(last=False)[0])
        return Placement(thread, 0, None, boundary)

    def _origin(self, request: Request, scope: str) -> tuple[str | None, Boundary | None]:
        """The session that a new one comes from, and how: as the client says, or as is plain.

        A second loop with tools under one id is a sub-agent's. A prompt that goes on with the
        conversation of a loop that was busy was forked from it; one that extends a prompt of
        another id was resumed under a new one.
        """
        named = request.hints.parent or (request.hints.session if request.hints.agent else None)
        if named is not None:
            return named, Boundary.SUBAGENT
        busy = [t for t in self._of(scope) if _shared_talk(t.last, request) >= _SHARED_TALK]
        if busy:
            return busy[0].session_id, Boundary.FORK
        first = next(self._of(scope), None) if scope else None
        if first is not None and request.fingerprint.tool_names:
            return first.session_id, Boundary.SUBAGENT
        resumed = any(_resumes(thread.last, request) for thread in self._threads.values())
        return None, Boundary.RESUME if resumed else None

    def _name(self, hints: Hints) -> str:
        """A name that no other session of this recording has."""
        if hints.session is None:
            self._unnamed += 1
            return f"{self.prefix}-{self._unnamed:04d}"
        base = f"{hints.session}/{hints.agent}" if hints.agent else hints.session
        used = self._named[base] = self._named.get(base, 0) + 1
        return base if used == 1 else f"{base}~{used}"

    def _touch(self, thread: Thread, request: Request) -> None:
        mark = None if request.raw is None else _mark(request.raw, len(request.raw))
        talk = answered(request.fingerprint.talk, request.reply)
        thread.last = replace(request, raw=None, reply=None, mark=mark, talk=talk)
        thread.turns += 1
        self._threads[thread.session_id] = thread
        self._threads.move_to_end(thread.session_id)


def _scope(hints: Hints) -> str:
    """Requests with different names are of different conversations, whatever their prompts."""
    return f"{hints.session}/{hints.agent or ''}" if hints.session else ""


def _mark(raw: str, length: int) -> tuple[int, bytes]:
    """The first `length` characters of a raw prompt, as what is kept of them."""
    text = raw[:length].encode("utf-8", errors="surrogatepass")
    return length, hashlib.blake2b(text, digest_size=16).digest()


def _closeness(before: Request, after: Request) -> tuple[int, int, float]:
    """Which of several prompts that `after` begins with is the one before it."""
    return _length(before), _shared_talk(before, after), before.ended_s


def _length(request: Request) -> int:
    return request.mark[0] if request.mark else len(request.fingerprint.messages)


def _extends(before: Request, after: Request) -> bool:
    """Whether `after` begins with all of `before`, and was sent when `before` had been answered."""
    if before.ended_s > after.started_s:
        return False
    if before.mark is not None or after.raw is not None:
        return before.mark is not None and _raw_extends(before.mark, after.raw)
    earlier, later = before.fingerprint.messages, after.fingerprint.messages
    if not 0 < len(earlier) <= len(later) or later[len(earlier) - 1] != earlier[-1]:
        return False
    return len(earlier) < len(later) or _is_asked_again(before)


def _is_asked_again(before: Request) -> bool:
    """Whether the same prompt once more is a second try, and not another run of the same task.

    It is when the first had no reply, or when the prompt holds replies of its own.
    """
    unanswered = len(before.talk) == len(before.fingerprint.talk)
    return unanswered or len(before.fingerprint.talk) >= _SHARED_TALK


def _raw_extends(mark: tuple[int, bytes], raw: str | None) -> bool:
    return raw is not None and len(raw) >= mark[0] and _mark(raw, mark[0]) == mark


def _shared_talk(before: Request, after: Request) -> int:
    return shared_chain(before.talk, after.fingerprint.talk)


def _is_compacted(before: Request, after: Request) -> bool:
    """The same instructions, and less said than before: the client's id links the two."""
    lead = before.fingerprint.lead
    same_lead = (
        lead == after.fingerprint.lead and before.fingerprint.shared(after.fingerprint) >= lead
    )
    return lead > 0 and same_lead and len(after.fingerprint.talk) < len(before.fingerprint.talk)


def _resumes(before: Request, after: Request) -> bool:
    """Whether `after` holds all of a conversation of more than a prompt or two."""
    talk = before.fingerprint.talk
    return len(talk) > _SHARED_TALK and shared_chain(talk, after.fingerprint.talk) == len(talk)


def _boundary(fit: _Fit) -> Boundary:
    return Boundary.COMPACTION if fit is _Fit.COMPACTED else Boundary.EDIT
