"""Which request goes on from which: found by their prompts alone, in near-linear time.

A request extends the earlier one whose whole prompt it begins with, the longest such. Where it
begins with part of a prompt only, it is an edit of it when both open alike (the messages before the
first reply) and it holds a reply of its own behind the part that they share. Requests that are
alike to the letter are told apart by the replies that the next prompts carry.
"""

from __future__ import annotations

from array import array
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum


class LinkKind(StrEnum):
    """How a request goes on from its parent."""

    EXTENDS = "extends"
    EDITS = "edits"
    COMPACTS = "compacts"


@dataclass(frozen=True, slots=True)
class Link:
    """The `parent` of a request, by its place in the order of time."""

    parent: int
    kind: LinkKind


@dataclass(frozen=True, slots=True)
class Prompt:
    """What linking needs of a request.

    `path` are the nodes of its messages. `opening` counts those before the first assistant message,
    `system` the leading system messages among them; `last_reply` is the place of the last assistant
    message, -1 without one. ``said(i)`` stands for what message `i` says; `reply` for what the
    request was answered, ``None`` where that is not known.
    """

    path: array[int]
    opening: int
    system: int
    last_reply: int
    said: Callable[[int], int | None]
    reply: int | None = None
    failed: bool = False

    @property
    def is_initial(self) -> bool:
        """Whether no reply stands in the prompt yet."""
        return self.last_reply < 0


@dataclass(slots=True)
class _End:
    """The requests whose prompts end at one node; those that nothing extends yet wait."""

    waiting: dict[int | None, deque[int]] = field(default_factory=dict)
    by_reply: dict[int | None, int] = field(default_factory=dict)
    latest: int = -1

    def add(self, index: int, reply: int | None) -> None:
        self.waiting.setdefault(reply, deque()).append(index)
        self.by_reply[reply] = index
        self.latest = index

    def take(self, said: int | None, taken: set[int]) -> int:
        """The request to go on from, best one with the reply that `said` stands for."""
        found = self._waiting(said, taken)
        if found is None and said in self.by_reply:
            return self.by_reply[said]
        if found is None:
            found = self._waiting(None, taken)
        if found is None:
            found = self.first_waiting(taken)
        return self.latest if found is None else found

    def first_waiting(self, taken: set[int]) -> int | None:
        """Any request that is not taken."""
        while self.waiting:
            found = self._waiting(next(iter(self.waiting)), taken)
            if found is not None:
                return found
        return None

    def _waiting(self, reply: int | None, taken: set[int]) -> int | None:
        """The first with that reply that is not taken; those that are taken are forgotten."""
        queue = self.waiting.get(reply)
        while queue:
            if queue[0] not in taken:
                return queue[0]
            queue.popleft()
        self.waiting.pop(reply, None)
        return None


@dataclass(slots=True)
class Linker:
    """Takes prompts in the order of time; `links[i]` is the link of prompt `i`, if it has one."""

    links: list[Link | None] = field(default_factory=list)
    _prompts: list[Prompt] = field(default_factory=list)
    _ends: dict[int, _End] = field(default_factory=dict)
    _through: dict[int, int] = field(default_factory=dict)
    _taken: set[int] = field(default_factory=set)

    def add(self, prompt: Prompt) -> None:
        """Link `prompt` to an earlier one, or leave it a beginning."""
        link = self._link(prompt)
        index = len(self.links)
        self.links.append(link)
        self._prompts.append(prompt)
        if link is not None:
            self._taken.add(link.parent)
        for node in prompt.path:
            self._through[node] = index
        if len(prompt.path) > prompt.system:
            self._ends.setdefault(prompt.path[-1], _End()).add(index, prompt.reply)

    def _link(self, prompt: Prompt) -> Link | None:
        known, ends = self._known(prompt.path)
        edited = self._edited(prompt, known, ends[-1] if ends else 0)
        if edited is not None:
            return Link(edited, LinkKind.EDITS)
        extended = self._extended(prompt, ends)
        return None if extended is None else Link(extended, LinkKind.EXTENDS)

    def _known(self, path: Sequence[int]) -> tuple[int, list[int]]:
        """How much of `path` was there before, and the lengths at which earlier prompts end."""
        known, ends = 0, []
        for node in path:
            if node not in self._through:
                break
            known += 1
            if node in self._ends:
                ends.append(known)
        return known, ends

    def _edited(self, prompt: Prompt, known: int, end: int) -> int | None:
        """The latest request that shares `known` messages, where this one can be an edit of it."""
        if known <= max(end, prompt.system):
            return None
        other = self._through[prompt.path[known - 1]]
        opening = min(prompt.opening, self._prompts[other].opening)
        return other if known >= opening and prompt.last_reply >= known else None

    def _extended(self, prompt: Prompt, ends: list[int]) -> int | None:
        if not ends:
            return None
        if ends[-1] == len(prompt.path):
            return self._repeated(prompt, ends)
        return self._take(prompt, ends[-1])

    def _take(self, prompt: Prompt, length: int) -> int:
        """The request that ended after `length` messages; its reply comes next, if it had one."""
        end = self._ends[prompt.path[length - 1]]
        return end.take(prompt.said(length), self._taken)

    def _repeated(self, prompt: Prompt, ends: list[int]) -> int | None:
        """The request before one whose prompt was there already.

        Another session may have come to the same prompt: then the one before it waits. Otherwise it
        was sent again, except for a first prompt that had its answer: that is another session.
        """
        before = self._ends[prompt.path[ends[-2] - 1]] if len(ends) > 1 else None
        if before is not None and before.first_waiting(self._taken) is not None:
            return self._take(prompt, ends[-2])
        latest = self._ends[prompt.path[-1]].latest
        return None if prompt.is_initial and not self._prompts[latest].failed else latest
