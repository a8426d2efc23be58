"""Links between requests, made into conversations: one strand each, side-calls and forks apart."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

from autotune.workload.readers.links import Link, LinkKind


@dataclass(frozen=True, slots=True)
class Strand:
    """Requests that follow one another; `forked_from` is the request that it branched off."""

    requests: tuple[int, ...]
    forked_from: int | None = None


def strands(links: Sequence[Link | None]) -> list[Strand]:
    """Every request in one strand, strands in the order in which they begin.

    Where several requests go on from one, the strand goes on with the one that most follows: a
    title, a summary or a branch that was left is a strand of its own. What extends a prompt goes
    before what edits it.
    """
    heir = _heirs(links)
    found = []
    for index, link in enumerate(links):
        if link is None or heir[link.parent] != index:
            found.append(Strand(_follow(index, heir), link.parent if link else None))
    return found


def _follow(start: int, heir: Sequence[int | None]) -> tuple[int, ...]:
    requests = [start]
    while (following := heir[requests[-1]]) is not None:
        requests.append(following)
    return tuple(requests)


def _heirs(links: Sequence[Link | None]) -> list[int | None]:
    """For each request the one that its strand goes on with; of equals the earlier."""
    weights = [1] * len(links)
    for index in range(len(links) - 1, -1, -1):
        link = links[index]
        if link is not None:
            weights[link.parent] += weights[index]
    best: list[tuple[bool, int] | None] = [None] * len(links)
    heirs: list[int | None] = [None] * len(links)
    for index, link in enumerate(links):
        if link is not None:
            rank = (link.kind is LinkKind.EXTENDS, weights[index])
            known = best[link.parent]
            if known is None or rank > known:
                best[link.parent], heirs[link.parent] = rank, index
    return heirs


def compactions(
    links: Sequence[Link | None], likeness: Sequence[Hashable | None]
) -> list[Link | None]:
    """`links` with beginnings joined to the conversation that they took the place of.

    `likeness` is alike for requests that may belong to one conversation by more than their prompts
    (its id, system prompt and tools), ``None`` where nothing says so. A beginning is a compaction
    when every earlier conversation alike has ended before it; one that goes on has started a
    sub-agent.
    """
    last = _last_of_tree(links)
    joined = list(links)
    newest: dict[Hashable, int] = {}
    for index, link in enumerate(links):
        alike = likeness[index]
        if link is not None or alike is None:
            continue
        ended = newest.get(alike)
        if ended is not None and ended < index:
            joined[index] = Link(ended, LinkKind.COMPACTS)
        newest[alike] = max(last[index], -1 if ended is None else ended)
    return joined


def _last_of_tree(links: Sequence[Link | None]) -> list[int]:
    """The latest request that goes on from each, in any number of steps."""
    last = list(range(len(links)))
    for index in range(len(links) - 1, -1, -1):
        link = links[index]
        if link is not None:
            last[link.parent] = max(last[link.parent], last[index])
    return last
