"""Sessions out of a request log: whole requests, each by itself, put into conversations.

Logs rarely name the conversation. Where an id does, requests are compared within it; otherwise the
prompts tell, since an agent's next prompt begins with the one before (`links`). The text of a log
is held once, whatever its requests repeat.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, field, replace

from autotune.workload.model import Message, Session
from autotune.workload.readers.links import Link, Linker, LinkKind, Prompt
from autotune.workload.readers.logged import LoggedRequest
from autotune.workload.readers.message_store import SYSTEM_ROLES, MessageStore
from autotune.workload.readers.prefix_tree import PrefixTree
from autotune.workload.readers.strands import Strand, compactions, strands
from autotune.workload.readers.thread_names import strand_names
from autotune.workload.readers.thread_turns import Entry, SessionMaker
from autotune.workload.rendered import calls_text, content_text


@dataclass(slots=True)
class RequestLog:
    """Takes the requests of one file in any order; `sessions` are the conversations they make.

    `format` and `file_digest` (`base.file_hash`) go into the origin of every turn.
    """

    format: str
    file_digest: str
    _store: MessageStore = field(default_factory=MessageStore)
    _entries: list[Entry] = field(default_factory=list)

    def add(self, request: LoggedRequest) -> None:
        """Take in one request. Its text is read once; what is known already is not kept again.

        Raises:
            ValueError: the prompt is empty, or a part of the request cannot be written again.
        """
        if not request.messages:
            raise ValueError("messages: there is none")
        prompt = tuple(self._store.message(message) for message in request.messages)
        reply = request.response
        kept = replace(
            request,
            messages=(),
            tools=self._store.tools(request.tools),
            params=self._store.params(request.params),
            response=None if reply is None else self._store.message(reply).message,
        )
        self._entries.append(Entry(kept, prompt))

    def sessions(self) -> Iterator[Session]:
        """Every conversation, in the order in which they begin."""
        entries = _in_time(self._entries)
        tree = PrefixTree()
        for entry, group in zip(entries, _groups(entries), strict=True):
            entry.path = tree.path(group, entry.prompt)
        found = sorted([*_whole(entries), *_divided(entries)], key=lambda s: min(s.requests))
        names = strand_names(found, entries, self.format)
        maker = SessionMaker(tree, {"format": self.format, "file": self.file_digest})
        for strand, named in zip(found, names, strict=True):
            inside = [entries[index] for index in strand.requests]
            forked = strand.forked_from is not None
            yield maker.session(named.name, inside, named.parent, forked=forked)


def _in_time(entries: list[Entry]) -> list[Entry]:
    """Entries as they were sent.

    One without a time stays behind the one before it in the log: that of its own conversation where
    the log delimits it.
    """
    times: list[float] = []
    latest: dict[str | None, float] = {}
    for entry in entries:
        name = _whole_name(entry)
        known = entry.request.timestamp_ms
        now = latest.get(name, latest.get(None, float("-inf"))) if known is None else known
        latest[name] = latest[None] = now
        times.append(now)
    return [entries[index] for index in sorted(range(len(entries)), key=times.__getitem__)]


def _groups(entries: Sequence[Entry]) -> list[Hashable]:
    """What each request is compared within.

    An id that names one prompt only, however often it was sent, tells nothing of conversations:
    gateways make up an id for each call.
    """
    prompts: dict[str, set[tuple[int, ...]]] = {}
    for entry in entries:
        conversation = entry.request.conversation
        if conversation and len(known := prompts.setdefault(conversation.name, set())) < 2:
            known.add(tuple(stored.number for stored in entry.prompt))
    telling = {name for name, known in prompts.items() if len(known) > 1}
    return [_group(entry, telling) for entry in entries]


def _group(entry: Entry, telling: set[str]) -> Hashable:
    conversation = entry.request.conversation
    if conversation is None:
        return None
    if conversation.certain or conversation.whole:
        entry.named = conversation.name
    if conversation.whole:
        return (True, conversation.name)
    if conversation.name not in telling:
        return None
    if conversation.certain:
        entry.likeness = _likeness(entry, conversation.name)
    return (False, conversation.name)


def _likeness(entry: Entry, name: str) -> Hashable | None:
    """The conversation's id, tools and system prompt; ``None`` without any tools and system."""
    prompt, request = entry.prompt, entry.request
    system = tuple(stored.number for stored in prompt[: _leading_system(entry)])
    return (name, id(request.tools), system) if system or request.tools else None


def _leading_system(entry: Entry) -> int:
    roles = (stored.message["role"] for stored in entry.prompt)
    return next((i for i, role in enumerate(roles) if role not in SYSTEM_ROLES), len(entry.prompt))


def _whole(entries: Sequence[Entry]) -> list[Strand]:
    """Conversations that the log itself delimits."""
    found: dict[str, list[int]] = {}
    for index, entry in enumerate(entries):
        name = _whole_name(entry)
        if name is not None:
            found.setdefault(name, []).append(index)
    return [Strand(tuple(sorted(r, key=lambda i: _place(entries[i])))) for r in found.values()]


def _place(entry: Entry) -> int:
    """Where the request stands in its conversation; the sort is stable where no log tells."""
    return entry.request.place or 0


def _divided(entries: Sequence[Entry]) -> list[Strand]:
    """Conversations found by comparing prompts; strands name requests by their place in all."""
    places = [i for i, e in enumerate(entries) if _whole_name(e) is None]
    linker, said = Linker(), _Said()
    for index in places:
        linker.add(_prompt(entries[index], said))
    links = compactions(linker.links, [entries[index].likeness for index in places])
    _mark_compactions(entries, places, links)
    return [
        Strand(
            tuple(places[index] for index in strand.requests),
            None if strand.forked_from is None else places[strand.forked_from],
        )
        for strand in strands(links)
    ]


def _whole_name(entry: Entry) -> str | None:
    """The conversation of a request whose log delimits it."""
    conversation = entry.request.conversation
    return conversation.name if conversation and conversation.whole else None


def _mark_compactions(
    entries: Sequence[Entry], places: Sequence[int], links: Sequence[Link | None]
) -> None:
    for index, link in zip(places, links, strict=True):
        entries[index].compacts = link is not None and link.kind is LinkKind.COMPACTS


def _prompt(entry: Entry, said: _Said) -> Prompt:
    replies = [i for i, s in enumerate(entry.prompt) if s.message["role"] == "assistant"]
    reply = entry.request.response
    return Prompt(
        path=entry.path,
        opening=replies[0] if replies else len(entry.prompt),
        system=_leading_system(entry),
        last_reply=replies[-1] if replies else -1,
        said=lambda place: said.of(entry.prompt[place].message),
        reply=None if reply is None else said.of(reply),
        failed=entry.request.failed,
    )


@dataclass(slots=True)
class _Said:
    """What messages say, as numbers: a reply comes back in the next prompt without its reasoning,
    and with other keys."""

    _numbers: dict[int, int] = field(default_factory=dict)

    def of(self, message: Message) -> int:
        """Alike for messages of alike text and calls; worked out once for each message object."""
        known = self._numbers.get(id(message))
        if known is None:
            text = "\n".join([content_text(message).strip(), *calls_text(message)])
            known = self._numbers[id(message)] = hash(text)
        return known
