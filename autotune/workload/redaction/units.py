"""A value in parts: characters that a pseudonym replaces, and those between them that stay."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

_UNIT = re.compile(r"\\+u[0-9a-fA-F]{4}|\\+[nrtbf\"\\/]|%[0-9A-Fa-f]{2}|.", re.DOTALL)
_UNICODE_ESCAPE = re.compile(r"(\\+u)([0-9a-fA-F]{4})")
_CONTINUED = range(0x80, 0xC0)
"""Bytes of UTF-8 behind the first of a letter."""

_BYTES = 0xE000
"""Where such bytes stand in a unit: in Unicode's private use area, so that no letter is meant."""

_BLOCKS = (64, 1024)
"""Code points among which a letter is looked for, near ones first."""


@dataclass(frozen=True, slots=True)
class Unit:
    """`text` as it is written; `char` is the letter or digit it stands for, empty if it stays.

    A byte of a letter that UTF-8 writes in several, percent-encoded, counts as a letter.
    """

    text: str
    char: str = ""

    def written(self, char: str) -> str:
        """`char` in the way this one is written."""
        escape = _UNICODE_ESCAPE.fullmatch(self.text)
        if escape:
            return f"{escape[1]}{ord(char):04x}"
        return f"%{ord(char) % _BYTES:02X}" if self.is_percent else char

    @property
    def is_percent(self) -> bool:
        """Whether it is a percent escape."""
        return len(self.text) == 3 and self.text[0] == "%"


def units_of(value: str) -> tuple[Unit, ...]:
    """`value` in units; escapes of JSON and percent escapes are one unit each."""
    return tuple(map(_unit, _UNIT.findall(value)))


def core_of(units: tuple[Unit, ...]) -> str:
    """The letters and digits of a value, without case: what a pseudonym is made from."""
    return "".join(unit.char for unit in units).casefold()


def is_empty(value: str) -> bool:
    """Whether there is nothing in `value` that a pseudonym could replace."""
    return not any(char.isalnum() for char in value) or not core_of(units_of(value))


def _unit(text: str) -> Unit:
    escape = _UNICODE_ESCAPE.fullmatch(text)
    if escape:
        char = chr(int(escape[2], 16))
        return Unit(text, char if char.isalnum() else "")
    if text[0] == "%" and len(text) > 1:
        return Unit(text, _percent(int(text[1:], 16)))
    return Unit(text, text if len(text) == 1 and text.isalnum() else "")


def _percent(code: int) -> str:
    """What a percent escape stands for: an ASCII letter, or a byte of another one."""
    if code < _CONTINUED.start:
        return chr(code) if chr(code).isalnum() else ""
    return chr(_BYTES + code) if code in _CONTINUED else ""


def other_letter(char: str, rng: Random) -> str:
    """A letter or digit beside `char` in Unicode: same kind, same bytes in UTF-8, not itself.

    Raises:
        ValueError: there is none.
    """
    if ord(char) - _BYTES in _CONTINUED:
        return chr(_BYTES + rng.choice(_CONTINUED))
    for size in _BLOCKS:
        fitting = [other for other in _block(char, size) if _alike(char, other)]
        if fitting:
            return rng.choice(fitting)
    raise ValueError("no letter of the same kind")


def _block(char: str, size: int) -> Iterator[str]:
    start = ord(char) - ord(char) % size
    return (chr(code) for code in range(start, start + size))


def _alike(char: str, other: str) -> bool:
    same = unicodedata.category(char) == unicodedata.category(other)
    return same and other != char and _bytes(char) == _bytes(other)


def _bytes(char: str) -> int:
    return len(char.encode("utf-8", "surrogatepass"))
