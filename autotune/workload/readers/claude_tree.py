"""The lines of a Claude Code transcript as a tree, and the way from a line back to its root.

Retries and edited prompts leave branches; a compaction cuts the way short. Results of tools that
ran side by side each hang on their own call, so that only one of them is on the way back: the
others are found by the ids of the calls.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from autotune.workload.model import Message
from autotune.workload.readers.anthropic_shape import merged_reply
from autotune.workload.readers.claude_entries import SYNTHETIC, Entry, Kind

ThreadKey = tuple[str, str | None]
"""Session id, and the sub-agent's name; ``None`` is the main thread."""


@dataclass(slots=True)
class Group:
    """The lines of one reply: one request was made for them, before the first."""

    thread: ThreadKey
    entries: list[Entry] = field(default_factory=list)
    _message: Message | None = None

    @property
    def first(self) -> Entry:
        """The line that the request comes before."""
        return self.entries[0]

    @property
    def is_request(self) -> bool:
        """Whether a model was asked."""
        return self.first.reply is not None and self.first.reply.model != SYNTHETIC

    @property
    def message(self) -> Message:
        """The whole reply, put together once."""
        if self._message is None:
            self._message = merged_reply(_parts(self.entries))
        return self._message

    def until(self, line: int) -> Message:
        """What of the reply stands above `line`."""
        if self.entries[-1].number < line:
            return self.message
        above = bisect_left(self.entries, line, key=lambda entry: entry.number)
        return merged_reply(_parts(self.entries[: max(1, above)]))


def _parts(entries: Iterable[Entry]) -> list[Message]:
    return [entry.reply.message for entry in entries if entry.reply is not None]


class Tree:
    """All entries of a file. `missing` are those whose parent is not in it."""

    def __init__(self, entries: list[Entry]) -> None:
        self._by_uuid: dict[str, Entry] = {}
        for entry in entries:
            self._by_uuid.setdefault(entry.uuid, entry)
        self.cut: set[str] = set()
        self.mended: list[Entry] = []
        self._mend()
        self._threads: dict[str, ThreadKey] = {}
        self._relinks = self._kept_by_compaction()
        self._epochs = sorted(number for links in self._relinks.values() for number, _ in links)
        self._groups: dict[tuple[ThreadKey, str], Group] = {}
        self._results: dict[str, list[tuple[int, Message]]] = {}
        for entry in self._by_uuid.values():
            self._index(entry)

    def _mend(self) -> None:
        """A line whose parent was lost follows the line before it of its lane.

        The first of a lane has none: there the file begins in the middle of a session.
        """
        last: dict[tuple[str, str | None, bool], str] = {}
        for uuid, entry in self._by_uuid.items():
            if entry.parent is not None and entry.parent not in self._by_uuid:
                before = last.get(entry.lane)
                (self.mended.append(entry) if before else self.cut.add(uuid))
                self._by_uuid[uuid] = replace(entry, parent=before)
            last[entry.lane] = uuid

    def _kept_by_compaction(self) -> dict[str, list[tuple[int, str]]]:
        """For the first line that a compaction kept: what it follows from that line on."""
        relinks: dict[str, list[tuple[int, str]]] = {}
        for entry in self._by_uuid.values():
            if entry.preserved is not None:
                head, anchor = entry.preserved
                relinks.setdefault(head, []).append((entry.number, anchor))
        return relinks

    def _index(self, entry: Entry) -> None:
        if entry.reply is not None:
            key = (self.thread(entry), entry.reply.message_id)
            self._groups.setdefault(key, Group(key[0])).entries.append(entry)
        for result in entry.results:
            told = (entry.number, result)
            self._results.setdefault(result["tool_call_id"], []).append(told)

    def groups(self) -> Iterator[Group]:
        """Every reply, in the order of the file."""
        yield from self._groups.values()

    def group(self, entry: Entry) -> Group | None:
        """The reply that `entry` is a line of."""
        if entry.reply is None:
            return None
        return self._groups.get((self.thread(entry), entry.reply.message_id))

    def result(self, call: str, before: int) -> tuple[int, Message] | None:
        """The first answer to `call` above line `before`, wherever it hangs, and its line."""
        found = self._results.get(call, ())
        return next((told for told in found if told[0] < before), None)

    def get(self, uuid: str | None) -> Entry | None:
        """The line with that id."""
        return self._by_uuid.get(uuid) if uuid is not None else None

    def epoch(self, line: int) -> int:
        """How many compactions above `line` kept a part of what was before them."""
        return bisect_left(self._epochs, line)

    def above(self, entry: Entry, line: int) -> Entry | None:
        """The line that `entry` follows in the prompt of a request at `line`."""
        if entry.kind is Kind.BOUNDARY:
            return None
        links = [anchor for number, anchor in self._relinks.get(entry.uuid, ()) if number < line]
        parent = self.get(links[-1] if links else entry.parent)
        if entry.is_summary and (parent is None or parent.kind is not Kind.BOUNDARY):
            return None
        return parent

    def thread(self, entry: Entry) -> ThreadKey:
        """Whose conversation `entry` is of. Side chains without an agent go by their root."""
        if not entry.is_sidechain:
            return entry.session_id, None
        if entry.agent is not None:
            return entry.session_id, f"agent-{entry.agent}"
        return self._side_chain(entry)

    def _side_chain(self, entry: Entry) -> ThreadKey:
        """The thread of the first line of a side chain; a circle ends where it closes."""
        passed = {entry.uuid: entry}
        at = entry
        while at.uuid not in self._threads:
            parent = self.get(at.parent)
            if parent is None or not parent.is_sidechain or parent.uuid in passed:
                self._threads[at.uuid] = at.session_id, f"sidechain-{at.uuid[:8]}"
                break
            passed[parent.uuid] = at = parent
        found = self._threads[at.uuid]
        self._threads.update(dict.fromkeys(passed, found))
        return found
