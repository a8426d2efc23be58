"""What the conversations of a log are called, and which of them belongs to which."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from autotune.workload.prefix import canonical
from autotune.workload.readers.strands import Strand
from autotune.workload.readers.thread_turns import Entry


@dataclass(frozen=True, slots=True)
class StrandName:
    """The session id of a strand, and the id of the session that it came from, if it did."""

    name: str
    parent: str | None = None


def strand_names(
    found: Sequence[Strand], entries: Sequence[Entry], prefix: str
) -> list[StrandName]:
    """An id and a parent for each strand.

    A conversation's own id goes to its largest strand; the others that have it are side-calls and
    sub-agents, numbered, and children of that one. Without an id of its own a strand is called
    `prefix` and a hash of its first prompt: nothing that hangs on the file's name or on what came
    later. A fork is a child of what it branched off.
    """
    owned = [_own_name(strand, entries) for strand in found]
    main = _main_strands(found, owned, entries)
    names: list[str] = []
    used: dict[str, int] = {}
    for place, (strand, own) in enumerate(zip(found, owned, strict=True)):
        base = own or f"{prefix}-{_hash(entries[strand.requests[0]])}"
        is_main = own is None or main[own] == place
        number = 1 if own and is_main else used.get(base, 1 if own else 0) + 1
        if not (own and is_main):
            used[base] = number
        names.append(base if number == 1 else f"{base}.{number}")
    parents = _parents(found, owned, main, names)
    return [StrandName(*pair) for pair in zip(names, parents, strict=True)]


def _parents(
    found: Sequence[Strand],
    owned: Sequence[str | None],
    main: dict[str, int],
    names: Sequence[str],
) -> list[str | None]:
    holder = {index: place for place, strand in enumerate(found) for index in strand.requests}
    parents: list[str | None] = []
    for place, (strand, own) in enumerate(zip(found, owned, strict=True)):
        if strand.forked_from is not None:
            parents.append(names[holder[strand.forked_from]])
        else:
            parents.append(own if own is not None and main[own] != place else None)
    return parents


def _own_name(strand: Strand, entries: Sequence[Entry]) -> str | None:
    """The one id that all requests of the strand have."""
    names = {entries[index].named for index in strand.requests}
    return names.pop() if len(names) == 1 else None


def _main_strands(
    found: Sequence[Strand], owned: Sequence[str | None], entries: Sequence[Entry]
) -> dict[str, int]:
    """For each id the strand of the most text that is no fork; of equals the first."""
    largest: dict[str, tuple[bool, int, int]] = {}
    for place, (strand, own) in enumerate(zip(found, owned, strict=True)):
        if own is not None:
            size = sum(entries[index].chars for index in strand.requests)
            rank = (strand.forked_from is None, size, -place)
            largest[own] = max(largest.get(own, rank), rank)
    return {name: -place for name, (_, _, place) in largest.items()}


def _hash(entry: Entry) -> str:
    """Twelve hexadecimal digits of the first prompt's hash."""
    total = hashlib.sha256(canonical(list(entry.request.tools)))
    for stored in entry.prompt:
        total.update(canonical(stored.message))
    return total.hexdigest()[:12]
