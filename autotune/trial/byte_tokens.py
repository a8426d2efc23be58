"""The bytes behind the names that tokenizers give their tokens.

Byte-level vocabularies write each byte as one printable character: those that are printable stand
for themselves, the others are moved to 256 and up, so a blank is U+0120. Sentence-piece ones write
a blank as U+2581 and a lone byte as ``<0x0A>``.
"""

from __future__ import annotations

import re
from functools import cache

_LONE_BYTE = re.compile(r"<0x([0-9A-Fa-f]{2})>")
_BLANK = "\u2581"


@cache
def _byte_of() -> dict[str, int]:
    """Character to byte, as GPT-2's vocabulary maps them."""
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    moved = [byte for byte in range(256) if byte not in printable]
    table = {chr(byte): byte for byte in printable}
    return table | {chr(256 + at): byte for at, byte in enumerate(moved)}


def piece_bytes(name: str) -> bytes:
    """The bytes of the token called `name`; of a special token its name."""
    if found := _LONE_BYTE.fullmatch(name):
        return bytes([int(found[1], 16)])
    if _BLANK in name:
        return name.replace(_BLANK, " ").encode()
    table = _byte_of()
    if all(character in table for character in name):
        return bytes(table[character] for character in name)
    return name.encode()
