"""Prompts as token numbers: how far two of them are the same from the start.

A prompt of 100,000 tokens is 400 kB here, and comparing two takes well under a millisecond.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable
from dataclasses import dataclass

WIDTH = array("i").itemsize
"""Bytes a token takes."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """Token numbers in order, packed."""

    packed: bytes = b""

    @classmethod
    def of(cls, numbers: Iterable[int]) -> Tokens:
        """Packed `numbers`, each of which fits 32 bits with a sign."""
        return cls(array("i", numbers).tobytes())

    def __len__(self) -> int:
        """How many tokens."""
        return len(self.packed) // WIDTH

    def first(self, count: int) -> Tokens:
        """The first `count` tokens; none below 1."""
        return Tokens(self.packed[: max(0, count) * WIDTH])

    def __add__(self, other: Tokens) -> Tokens:
        """These, then `other`."""
        return Tokens(self.packed + other.packed)


def shared(one: Tokens, other: Tokens) -> int:
    """How many tokens the two have in common from the start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        begin, end = low * WIDTH, middle * WIDTH
        if one.packed[begin:end] == other.packed[begin:end]:
            low = middle
        else:
            high = middle - 1
    return low
