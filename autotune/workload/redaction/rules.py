"""What a redaction rule is: a name, a way to find its values in a text, how to replace them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

SESSION_ID = "session-id"
METADATA_ID = "metadata-id"
ASSIGNMENT = "assignment"
WORD = "word"
USER_NAME = "user-name"
KNOWN_SECRET = "known-secret"  # noqa: S105 - the name of a rule
"""Rules that are not only patterns: they act on keys, or on what other rules found elsewhere."""


class Style(StrEnum):
    """What a pseudonym has to look like."""

    SECRET = "secret"  # noqa: S105 - random characters
    NAME = "name"
    ADDRESS = "address"


@dataclass(frozen=True, slots=True)
class Hit:
    """One value in a text: what is at ``start:end`` must go.

    `whole` is the text that the value was told by; `learn` says that the value is the name of a
    person's account, which is then looked for on its own.
    """

    start: int
    end: int
    whole: str
    learn: bool = False


Finder = Callable[[str], Iterator[Hit]]


@dataclass(frozen=True, slots=True)
class Rule:
    """`find` is asked only of texts that hold one of `hints` (in lower case; none is always)."""

    name: str
    find: Finder
    hints: tuple[str, ...] = ()
    style: Style = Style.SECRET
    secret: bool = True
    """Whether the value is one by its own look or place, and not only somebody's name."""


def always(match: re.Match[str]) -> bool:
    """Accepts every match."""
    return True


def never(match: re.Match[str]) -> bool:
    """Accepts no match."""
    return False


def by_pattern(
    pattern: str,
    accepts: Callable[[re.Match[str]], bool] = always,
    learns: Callable[[re.Match[str]], bool] = never,
    flags: int = 0,
) -> Finder:
    """Finds what `pattern` matches: its group ``value`` or ``quoted``, or the whole match."""
    compiled = re.compile(pattern, flags)

    def find(text: str) -> Iterator[Hit]:
        for match in compiled.finditer(text):
            if accepts(match):
                start, end = match.span(value_group(match))
                yield Hit(start, end, match.group(), learns(match))

    return find


def at_words(
    words: tuple[str, ...],
    pattern: str,
    accepts: Callable[[re.Match[str]], bool] = always,
) -> Finder:
    """What `by_pattern` finds, for a pattern that begins with one of `words`, in any case.

    An order of magnitude faster: plain words are searched for, and the pattern tried there.
    """
    compiled = re.compile(pattern, re.IGNORECASE)

    def find(text: str) -> Iterator[Hit]:
        lowered = text.lower()
        if len(lowered) != len(text):  # some letters are two in lower case
            lowered = "".join(char.lower() if char.isascii() else char for char in text)
        for word in words:
            at = lowered.find(word)
            while at >= 0:
                match = compiled.match(text, at)
                if match is not None and accepts(match):
                    start, end = match.span(value_group(match))
                    yield Hit(start, end, match.group())
                at = lowered.find(word, at + len(word))

    return find


def value_group(match: re.Match[str]) -> str | int:
    """Which group of `match` holds the value: of those named so, the one that took part."""
    groups = match.re.groupindex
    return next((g for g in ("quoted", "value") if g in groups and match[g] is not None), 0)


def several(*finders: Finder) -> Finder:
    """Everything that any of `finders` finds."""

    def find(text: str) -> Iterator[Hit]:
        for finder in finders:
            yield from finder(text)

    return find


def bounded(prefix: str) -> str:
    """`prefix` as a pattern that does not begin in the middle of a word.

    A word also begins behind an escape (``\\n`` in JSON that is text), a percent escape and a
    terminal's colour code. The boundary is looked at behind the prefix: so the pattern begins
    with letters, which is what :mod:`re` searches for fast.
    """
    escaped = re.escape(prefix)
    return (
        rf"{escaped}(?:(?<![^\W_]{escaped})|(?<=\\[nrtbf]{escaped})"
        rf"|(?<=%[0-9A-Fa-f]{{2}}{escaped})|(?<=[\[;0-9][0-9]m{escaped})|(?<=\[m{escaped}))"
    )
