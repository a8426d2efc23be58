"""A tree of prompts: two of them share the nodes of their common prefix."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field

from autotune.workload.readers.message_store import Stored


@dataclass(slots=True)
class PrefixTree:
    """Prompts as paths from a root; each group of requests has a root of its own.

    `chars[node]` are the characters from the root to the end of that node's message.
    """

    chars: array[int] = field(default_factory=lambda: array("Q"))
    _children: dict[tuple[int, int], int] = field(default_factory=dict)
    _roots: dict[object, int] = field(default_factory=dict)

    def path(self, group: object, prompt: Sequence[Stored]) -> array[int]:
        """The nodes of `prompt`, made where they are not there yet; equal prefixes, equal nodes."""
        node = self._roots.get(group)
        if node is None:
            node = self._roots[group] = self._node(0)
        nodes = array("L")
        for stored in prompt:
            child = self._children.get((node, stored.number))
            if child is None:
                child = self._node(self.chars[node] + stored.chars)
                self._children[node, stored.number] = child
            node = child
            nodes.append(node)
        return nodes

    def _node(self, chars: int) -> int:
        self.chars.append(chars)
        return len(self.chars) - 1
