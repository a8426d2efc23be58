"""Which earlier request a sequence of block ids shares its beginning with, and how much of it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Stretch:
    """Blocks up to `stop` (from where the stretch before it ends) were first laid by `owner`."""

    owner: int
    stop: int


@dataclass(slots=True)
class _Node:
    """A run of ids that nothing has branched off from inside."""

    ids: array[int]
    owner: int
    children: dict[int, _Node] = field(default_factory=dict)

    def split(self, at: int) -> None:
        """Make a child of everything from `at` on."""
        rest = _Node(self.ids[at:], self.owner, self.children)
        self.ids = self.ids[:at]
        self.children = {rest.ids[0]: rest}


class PrefixTree:
    """A radix tree of block ids: each block of each prefix is held once, with its first owner."""

    def __init__(self) -> None:
        self._root = _Node(array("q"), -1)

    def insert(self, ids: array[int], owner: int) -> tuple[Stretch, ...]:
        """Add `ids`, and the stretches that earlier owners had laid of them, front to back.

        Empty when the first block is new. What follows the last stretch belongs to `owner` now.
        """
        node, at = self._root, 0
        stretches: list[Stretch] = []
        while at < len(ids):
            child = node.children.get(ids[at])
            if child is None:
                node.children[ids[at]] = _Node(ids[at:], owner)
                break
            shared = common_ids(child.ids, ids, at)
            at += shared
            stretches.append(Stretch(child.owner, at))
            if shared < len(child.ids):
                if at < len(ids):
                    child.split(shared)
                    child.children[ids[at]] = _Node(ids[at:], owner)
                break
            node = child
        return tuple(stretches)


def common_ids(left: Sequence[int], right: Sequence[int], start: int = 0) -> int:
    """How many ids of `left` stand in `right` from `start` on."""
    most = min(len(left), len(right) - start)
    if left[:most] == right[start : start + most]:
        return max(0, most)
    return next(i for i in range(most) if left[i] != right[start + i])
