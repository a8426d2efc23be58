"""Train a small byte-level BPE vocabulary: standard library only, the same on every machine.

The result is what a ``tokenizer.json`` of the GPT-2 kind holds: an alphabet of 256 printable
characters that stand for bytes, and merges in the order in which they were learned.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise

Word = tuple[str, ...]
Pair = tuple[str, str]

_PIECE = re.compile(r" ?[A-Za-z]+| ?[0-9]+| ?[^\sA-Za-z0-9]+|\s+(?!\S)|\s+")
"""GPT-2's split into words, for ASCII text."""


def byte_alphabet() -> dict[int, str]:
    """Byte -> the character that stands for it: itself where printable, else from U+0100 on."""
    printable = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    rest = (byte for byte in range(256) if byte not in printable)
    moved = {byte: chr(0x100 + at) for at, byte in enumerate(rest)}
    return {byte: moved.get(byte, chr(byte)) for byte in range(256)}


def words_in(text: str) -> Counter[Word]:
    """How often each word of ASCII `text` occurs, as characters of the alphabet."""
    alphabet = byte_alphabet()
    pieces = Counter(_PIECE.findall(text))
    return Counter({tuple(alphabet[b] for b in p.encode()): n for p, n in pieces.items()})


def train(text: str, merges: int) -> list[Pair]:
    """At most `merges` merges, most frequent pair first; equal counts by the pair's own order."""
    words = dict(words_in(text))
    learned: list[Pair] = []
    while len(learned) < merges:
        pairs = _pairs(words)
        if not pairs:
            break
        best = min(pairs, key=lambda pair: (-pairs[pair], pair))
        words = {merged(word, best): count for word, count in words.items()}
        learned.append(best)
    return learned


def _pairs(words: dict[Word, int]) -> Counter[Pair]:
    found: Counter[Pair] = Counter()
    for word, count in words.items():
        for pair in pairwise(word):
            found[pair] += count
    return found


def merged(word: Word, pair: Pair) -> Word:
    """`word` with every `pair` in it joined, from the left."""
    result: list[str] = []
    at = 0
    while at < len(word):
        joins = word[at : at + 2] == pair
        result.append(word[at] + word[at + 1] if joins else word[at])
        at += 2 if joins else 1
    return tuple(result)


def vocabulary(merges: Iterable[Pair], special: Iterable[str]) -> list[str]:
    """Token texts by id: special tokens, the alphabet, then the merges in order."""
    return [*special, *byte_alphabet().values(), *("".join(pair) for pair in merges)]
