"""The prompt of a request in a Claude Code transcript: the way from the root, as chat messages.

Requests go on from each other nearly always, so the way and its messages are kept and moved; only
what is new is looked at.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from operator import itemgetter

from autotune.workload.model import Message
from autotune.workload.prefix import common_prefix
from autotune.workload.readers.anthropic_parts import joined
from autotune.workload.readers.claude_entries import Entry, Kind
from autotune.workload.readers.claude_tree import Group, Tree

CLEARED = "[Old tool result content cleared]"
"""What Claude Code puts in the place of tool results that it takes out of the prompt."""


@dataclass(slots=True)
class Path:
    """The entries from the root to where a request was made, and their messages.

    `fresh` are the entries, and `kept` counts the messages from the start, that the request before
    had not and had. `missing` is what the transcript does not hold of the prompt.
    """

    tree: Tree
    entries: list[Entry] = field(default_factory=list)
    messages: list[Message] = field(default_factory=list)
    fresh: list[Entry] = field(default_factory=list)
    kept: int = 0
    _loses: list[frozenset[str]] = field(default_factory=list)
    _rounds: list[tuple[int, int]] = field(default_factory=list)
    _place: dict[str, int] = field(default_factory=dict)
    _told: dict[int, int] = field(default_factory=dict)
    _clearings: list[Entry] = field(default_factory=list)
    _epoch: int = 0

    def move_to(self, group: Group) -> None:
        """Make this the way to the request of `group`."""
        line = group.first.number
        keep, self.fresh = self._way(group.first, line)
        self._cut(keep)
        for entry in self.fresh:
            self._append(entry)
        anew = any(entry.cleared for entry in self.fresh) or not self._rounds
        start, kept = (0, 0) if anew else self._rounds[-1]
        rendered = list(self._render(start, line))
        self.kept = kept + common_prefix(self.messages[kept:], rendered)
        self.messages[self.kept :] = rendered[self.kept - kept :]
        self._rounds.append((len(self.entries), len(self.messages)))

    @property
    def root(self) -> Entry | None:
        """Where the prompt begins."""
        return self.entries[0] if self.entries else None

    @property
    def missing(self) -> frozenset[str]:
        """What the transcript does not hold of this prompt."""
        return self._loses[-1] if self._loses else frozenset()

    def _way(self, first: Entry, line: int) -> tuple[int, list[Entry]]:
        """How many entries stay, and those that come after them."""
        epoch = self.tree.epoch(line)
        if epoch != self._epoch:
            self._epoch = epoch
            self._cut(0)
        found: list[Entry] = []
        seen = {first.uuid}
        at = self.tree.above(first, line)
        while at is not None and at.uuid not in self._place and at.uuid not in seen:
            seen.add(at.uuid)
            found.append(at)
            at = self.tree.above(at, line)
        keep = self._place[at.uuid] + 1 if at is not None and at.uuid in self._place else 0
        return keep, found[::-1]

    def _append(self, entry: Entry) -> None:
        place = self._place[entry.uuid] = len(self.entries)
        self.entries.append(entry)
        self._loses.append(self.missing | entry.loses)
        group = self.tree.group(entry)
        if group is not None:
            self._told.setdefault(id(group), place)
        if entry.cleared:
            self._clearings.append(entry)

    def _cut(self, keep: int) -> None:
        """Leave the entries from `keep` on."""
        for place in range(len(self.entries) - 1, keep - 1, -1):
            entry = self.entries[place]
            del self._place[entry.uuid]
            group = self.tree.group(entry)
            if group is not None and self._told.get(id(group)) == place:
                del self._told[id(group)]
        del self.entries[keep:]
        del self._loses[keep:]
        self._clearings = [entry for entry in self._clearings if entry.uuid in self._place]
        while self._rounds and self._rounds[-1][0] > keep:
            self._rounds.pop()

    def _render(self, start: int, line: int) -> Iterator[Message]:
        """The messages of ``entries[start:]`` in a request at `line`."""
        cleared = frozenset(call for entry in self._clearings for call in entry.cleared)
        exchange = _Exchange(self.tree, line, cleared)
        for place in range(start, len(self.entries)):
            group = self.tree.group(self.entries[place])
            if group is None:
                exchange.hear(self.entries[place])
            elif self._told[id(group)] == place:
                yield from exchange.messages()
                exchange = _Exchange(self.tree, line, cleared, group.until(line))
        yield from exchange.messages()


@dataclass(slots=True)
class _Exchange:
    """A reply and what the user's side said to it, until the next reply."""

    tree: Tree
    line: int
    cleared: frozenset[str]
    reply: Message | None = None
    heard: list[Entry] = field(default_factory=list)

    def hear(self, entry: Entry) -> None:
        """One more entry that is no reply."""
        if entry.kind is Kind.USER:
            self.heard.append(entry)

    def messages(self) -> Iterator[Message]:
        """The reply, its tool results, and what the user said."""
        if self.reply is not None:
            yield self.reply
        for result in self._results():
            is_cleared = result["tool_call_id"] in self.cleared
            yield {**result, "content": CLEARED} if is_cleared else result
        said = [part for entry in self.heard for part in entry.said]
        if said:
            yield {"role": "user", "content": joined(said)}

    def _results(self) -> list[Message]:
        """Results on the way, and those of calls that were answered beside it, as they came."""
        found = [(entry.number, result) for entry in self.heard for result in entry.results]
        answered = {result["tool_call_id"] for _, result in found}
        for call in (self.reply or {}).get("tool_calls", ()):
            beside = None if call["id"] in answered else self.tree.result(call["id"], self.line)
            if beside is not None:
                answered.add(call["id"])
                found.append(beside)
        found.sort(key=itemgetter(0))
        return [result for _, result in found]
