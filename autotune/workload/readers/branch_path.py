"""A conversation written as a tree, line by line: what the newest line builds on.

Retries and edited prompts leave branches. Their requests were sent all the same: they are turns,
and the turn that goes back to an earlier line is an edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from autotune.workload.model import Boundary, Message
from autotune.workload.prefix import shared_objects
from autotune.workload.readers.rebuild import SessionBuilder


@dataclass(frozen=True, slots=True)
class _Node:
    """A line of the tree: it adds `messages`, or `replaces` all that came before it by them."""

    parent: str | None
    messages: tuple[Message, ...] = ()
    replaces: bool = False
    lost: tuple[str, ...] = ()


@dataclass(slots=True)
class BranchPath:
    """The way from the root to the newest line, kept in step with the messages of `made`.

    `made` may hold messages of its own already (a system prompt): every branch begins with them.
    `lost` is what was said on the way and is not there to say again: ``thinking``.
    """

    made: SessionBuilder
    tip: str | None = None
    lost: tuple[str, ...] = ()
    _nodes: dict[str, _Node] = field(default_factory=dict)
    _head: tuple[Message, ...] = ()
    _count: int = 0

    def __post_init__(self) -> None:
        self._head = tuple(self.made.messages)

    def go_to(self, parent: str | None) -> bool:
        """Build on the line called `parent`; ``None`` is the beginning.

        A line that is not there leaves things as they are. Whether it was.
        """
        if parent == self.tip:
            return True
        if parent is not None and parent not in self._nodes:
            return False
        self.tip = parent
        self.lost = self._nodes[parent].lost if parent is not None else ()
        self._rewrite(self._messages())
        return True

    def lose(self, what: str) -> None:
        """The next line says something that is not in it; from there on it is missing."""
        if what not in self.lost:
            self.lost = (*self.lost, what)

    def add(self, name: str | None, messages: Iterable[Message] = ()) -> None:
        """One more line on the way, called `name`, with what it says."""
        said = tuple(messages)
        self._remember(name, _Node(self.tip, said, lost=self.lost))
        for message in said:
            self.made.say(message)

    def replace(
        self,
        name: str | None,
        messages: Sequence[Message],
        boundary: Boundary = Boundary.COMPACTION,
    ) -> None:
        """A line that replaces what was said so far."""
        self.lost = ()
        self._remember(name, _Node(self.tip, tuple(messages), replaces=True))
        self.made.replace([*self._head, *messages], boundary)

    def way(self) -> list[str]:
        """The names of the lines from the root to the newest one."""
        names: list[str] = []
        at = self.tip
        while at is not None:
            names.append(at)
            at = self._nodes[at].parent
        return names[::-1]

    def said_by(self, names: Iterable[str]) -> list[Message]:
        """The messages that these lines added."""
        return [m for name in names if name in self._nodes for m in self._nodes[name].messages]

    def _remember(self, name: str | None, node: _Node) -> None:
        """A name that is taken, or none, gets one of its own: a line has one parent, above it."""
        if name is None or name in self._nodes:
            self._count += 1
            name = f"\0{self._count}"
        self._nodes[name] = node
        self.tip = name

    def _messages(self) -> list[Message]:
        """All that was said on the way to the tip since it was last replaced."""
        nodes: list[_Node] = []
        at = self.tip
        while at is not None:
            node = self._nodes[at]
            nodes.append(node)
            if node.replaces:
                break
            at = node.parent
        return [*self._head, *(m for node in reversed(nodes) for m in node.messages)]

    def _rewrite(self, messages: list[Message]) -> None:
        """Another branch: an edit, unless it goes on from all that was said."""
        before = self.made.messages
        if shared_objects(before, messages) == len(before):
            self.made.messages = messages
        else:
            self.made.replace(messages, Boundary.EDIT)
