"""A value in parts: characters that a pseudonym replaces, and those between them that stay."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from random import Random

_UNIT = re.compile(r"\\+u[0-9a-fA-F]{4}|\\+[nrtbf\"\\/]|%[0-9A-Fa-f]{2}|.", re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"(\\+u)([0-9a-fA-F]{4})")
_NEIGHBOURS = 64


@dataclass(frozen=True, slots=True)
class Unit:
    """`text` as it is written; `char` is the letter or digit it stands for, empty if it stays."""

    text: str
    char: str = ""

    def written(self, char: str) -> str:
        """`char` in the way this one is written."""
        escape = _UNICODE_ESCAPE.fullmatch(self.text)
        return f"{escape[1]}{ord(char):04x}" if escape else char


def units_of(value: str) -> tuple[Unit, ...]:
    """`value` in units; escapes of JSON and percent escapes are one unit each."""
    return tuple(map(_unit, _UNIT.findall(value)))


def core_of(units: tuple[Unit, ...]) -> str:
    """The letters and digits of a value, without case: what a pseudonym is made from."""
    return "".join(unit.char for unit in units).casefold()


def _unit(text: str) -> Unit:
    escape = _UNICODE_ESCAPE.fullmatch(text)
    char = chr(int(escape[2], 16)) if escape else text
    return Unit(text, char if len(char) == 1 and char.isalnum() else "")


def other_letter(char: str, rng: Random) -> str:
    """A letter or digit beside `char` in Unicode: same kind, same bytes in UTF-8, not itself.

    Raises:
        ValueError: there is none.
    """
    kind, size = unicodedata.category(char), len(char.encode())
    block = ord(char) - ord(char) % _NEIGHBOURS
    beside = (chr(code) for code in range(block, block + _NEIGHBOURS))
    fitting = [
        other
        for other in beside
        if other != char
        and unicodedata.category(other) == kind
        and len(other.encode("utf-8", "surrogatepass")) == size
    ]
    if not fitting:
        raise ValueError("no letter of the same kind")
    return rng.choice(fitting)
