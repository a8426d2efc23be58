"""Candidates for a pseudonym, one after another, from a salt and the value that goes.

The tight ones keep length, bytes and class of every character (digit, lower, upper, mark), which
keeps the token count nearly. The loose ones, of use where a tokenizer can tell the count, keep
the marks and have words of any length between them; the last resort for a name is another one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import groupby
from random import Random
from string import ascii_lowercase, digits

from autotune.workload.redaction.rules import Style
from autotune.workload.redaction.units import Unit, core_of, other_letter, units_of
from autotune.workload.redaction.vocabulary import BY_LENGTH, VOCABULARY

_HEX = "abcdef"
_HEX_CHARS = 8
_VOWELS, _CONSONANTS = "aeiou", "bcdfghklmnprstvz"
_TIGHT_FIRST = 64
"""Tight candidates before loose ones come in between."""

_LOOSE_FIRST = 512
"""Candidates of either kind before names of another make come in between."""

_LONGEST = 8
"""Letters of a long word."""

Letters = Callable[[int, Random], str]
"""A run of so many lower-case letters."""


def candidates(value: str, style: Style, salt: bytes, *, loose: bool = False) -> Iterator[str]:
    """Pseudonyms for `value` without end; the same arguments give the same ones.

    They depend on the letters and digits of `value` and not on its case, so the forms of a name
    have the same pseudonym. `loose` mixes in loose ones after the first. Raises `ValueError` for
    a letter that has none beside it.
    """
    units = units_of(value)
    rng = Random(_seed(units, salt))
    alphabet = _HEX if _is_hex(units) or style is Style.ADDRESS else ascii_lowercase
    makers = _makers(style, alphabet)
    for number in range(1_000_000_000):
        make = makers[number % len(makers)]
        if loose and style is Style.NAME and number >= _LOOSE_FIRST and number % 3 == 0:
            yield _any_name(len(units), rng)
        elif loose and number >= _TIGHT_FIRST and number % 2:
            yield _assembled(units, rng, _any_words, style)
        else:
            yield _assembled(units, rng, make, style)


def _seed(units: tuple[Unit, ...], salt: bytes) -> int:
    hashed = hashlib.blake2b(core_of(units).encode("utf-8", "surrogatepass"), key=salt[:64])
    return int.from_bytes(hashed.digest(), "big")


def _makers(style: Style, alphabet: str) -> tuple[Letters, ...]:
    def drawn(size: int, rng: Random) -> str:
        return "".join(rng.choices(alphabet, k=size))

    if style is Style.NAME:
        return (_words, _words, _syllables, drawn)
    if alphabet == _HEX:
        return (drawn,)
    return (drawn, drawn, drawn, _syllables)


def _is_hex(units: tuple[Unit, ...]) -> bool:
    """Whether the value is written in hexadecimal: then its pseudonym is as well."""
    chars = core_of(units)
    some = any(char in _HEX for char in chars) and any(char in digits for char in chars)
    return some and len(chars) >= _HEX_CHARS and set(chars) <= set(_HEX + digits)


def _words(size: int, rng: Random) -> str:
    """Common words that are `size` letters together."""
    text = ""
    while (left := size - len(text)) > 0:
        fitting = [n for n in BY_LENGTH if n == left or n <= left - 2]
        take = left if left in BY_LENGTH else max(fitting, default=0)
        text += rng.choice(BY_LENGTH[take]) if take else _syllables(left, rng)
    return text


def _syllables(size: int, rng: Random) -> str:
    return "".join(rng.choice(_VOWELS if index % 2 else _CONSONANTS) for index in range(size))


def _any_words(size: int, rng: Random) -> str:
    """One word or more of any length; more where there were many letters."""
    most = 1 + size // _LONGEST
    return "".join(rng.choice(VOCABULARY) for _ in range(rng.randint(1, most)))


def _any_name(size: int, rng: Random) -> str:
    """Words joined as identifiers are, up to one for every two characters there were."""
    return "_".join(rng.choice(VOCABULARY) for _ in range(rng.randint(1, 1 + size // 2)))


def _assembled(units: tuple[Unit, ...], rng: Random, make: Letters, style: Style) -> str:
    out: list[str] = []
    for kind, run in _runs(units):
        if kind == "digit":
            out.append(_digits(run, rng, style))
        elif kind == "letter":
            out.append(_cased(make(len(run), rng), run))
        elif kind == "other":
            out.extend(unit.written(other_letter(unit.char, rng)) for unit in run)
        else:
            out.extend(unit.text for unit in run)
    return "".join(out)


def _runs(units: tuple[Unit, ...]) -> Iterator[tuple[str, list[Unit]]]:
    """Units of one kind that stand together; a word in camel case is as many as it has humps."""
    for kind, group in groupby(units, _kind):
        run: list[Unit] = []
        for unit in group:
            if kind == "letter" and run and run[-1].char.islower() and unit.char.isupper():
                yield kind, run
                run = []
            run.append(unit)
        yield kind, run


def _kind(unit: Unit) -> str:
    if not unit.char:
        return "stays"
    if not unit.char.isascii() or unit.char != unit.text:
        return "other"
    return "digit" if unit.char.isdigit() else "letter"


def _digits(run: list[Unit], rng: Random, style: Style) -> str:
    """As many digits. None becomes a leading zero: a number in JSON stays one."""
    if style is Style.ADDRESS and len(run) == 3:
        return str(rng.randint(100, 249))
    first = rng.choice(digits[1:])
    return first + "".join(rng.choices(digits, k=len(run) - 1))


def _cased(letters: str, run: list[Unit]) -> str:
    """Lower-case `letters` in the case of `run`: one by one where they are as many."""
    if len(letters) == len(run):
        pairs = zip(letters, run, strict=True)
        return "".join(c.upper() if unit.char.isupper() else c for c, unit in pairs)
    if all(unit.char.isupper() for unit in run):
        return letters.upper()
    return letters.capitalize() if run[0].char.isupper() else letters
