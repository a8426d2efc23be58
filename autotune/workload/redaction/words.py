"""Values that are known beforehand: words a user gives, and what other rules found elsewhere."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator

from autotune.workload.redaction.context_rules import is_random_like
from autotune.workload.redaction.rules import (
    KNOWN_SECRET,
    USER_NAME,
    WORD,
    Finder,
    Hit,
    Rule,
    Style,
    by_pattern,
)

_LEFT = r"(?:(?<![^\W_])|(?<=\\[nrtbf])|(?<=%[0-9A-Fa-f]{2}))"
_RIGHT = r"(?![^\W_])"
_PLAIN = re.compile(r"[A-Za-z0-9_.-]+")
_WIDEST = 32
"""Letters beside a word of the user's that go with it."""

_STRONG_CHARS = 8
_MIN_NAME_CHARS = 3

Trie = dict[str, "Trie"]


def is_strong(value: str) -> bool:
    """Whether a secret is looked for on its own: nobody writes it by chance."""
    core = [char for char in value if char.isalnum()]
    return len(core) >= _STRONG_CHARS and (is_random_like(value) or len(core) >= 2 * _STRONG_CHARS)


def is_telling(name: str) -> bool:
    """Whether the name of an account is looked for on its own: long enough to be no accident."""
    letters = sum(char.isalpha() for char in name)
    return len(name) >= _MIN_NAME_CHARS and letters >= _MIN_NAME_CHARS - 1


def word_rules(words: Collection[str]) -> Iterator[Rule]:
    """The user's words, anywhere and in any case, also where JSON escapes a letter of them.

    A word that holds one goes as a whole.
    """
    if words:
        plain = [word.lower() for word in words if _PLAIN.fullmatch(word)]
        others = sorted((w for w in words if not _PLAIN.fullmatch(w)), key=len, reverse=True)
        patterns = [*map(_spelled, others), *([any_of(plain)] if plain else [])]
        inner = by_pattern("|".join(patterns), flags=re.IGNORECASE)
        yield Rule(WORD, _widened(inner), style=Style.NAME, secret=False)


def _widened(inner: Finder) -> Finder:
    """The whole words that what `inner` finds is part of: they cost what they cost as a whole."""

    def find(text: str) -> Iterator[Hit]:
        done = 0
        for hit in inner(text):
            start = max(_word_start(text, hit.start), done)
            end = _word_end(text, hit.end)
            if end > done:
                yield Hit(start, end, text[start:end])
            done = max(done, end)

    return find


def _word_start(text: str, start: int) -> int:
    """Where the word begins that `start` is in; the letter of an escape is none of it."""
    stop = max(0, start - _WIDEST)
    while start > stop and text[start - 1].isalnum() and text[start - 2 : start - 1] != "\\":
        start -= 1
    return start


def _word_end(text: str, end: int) -> int:
    stop = min(len(text), end + _WIDEST)
    while end < stop and text[end].isalnum():
        end += 1
    return end


def name_rules(names: Collection[str]) -> Iterator[Rule]:
    """Names of accounts as whole words, in any case; what separates their parts may differ."""
    if names:
        joined = "|".join(_parts(name) for name in sorted(names, key=len, reverse=True))
        finder = by_pattern(f"{_LEFT}(?P<value>{joined}){_RIGHT}", flags=re.IGNORECASE)
        yield Rule(USER_NAME, finder, style=Style.NAME, secret=False)


def secret_rules(values: Collection[str]) -> Iterator[Rule]:
    """Secrets that some rule told by their place, wherever else they stand."""
    if values:
        yield Rule(KNOWN_SECRET, by_pattern(any_of(values)))


def any_of(values: Iterable[str]) -> str:
    """A pattern for `values`, the longest that fits; a tree, since alternatives are slow."""
    root: Trie = {}
    for value in values:
        node = root
        for char in value:
            node = node.setdefault(char, {})
        node[""] = {}
    return _pattern(root)


def _pattern(root: Trie) -> str:
    """Chains without a fork are written out, so the depth is that of the forks."""
    branches = [_branch(char, node) for char, node in sorted(root.items()) if char]
    if not branches:
        return ""
    joined = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{joined})?" if "" in root else joined


def _branch(char: str, node: Trie) -> str:
    chain = [char]
    while len(node) == 1 and "" not in node:
        ((char, node),) = node.items()
        chain.append(char)
    return re.escape("".join(chain)) + _pattern(node)


def _spelled(word: str) -> str:
    return "".join(_letter(char) for char in word)


def _letter(char: str) -> str:
    """One character of a word: as it is, or as JSON and URLs escape it."""
    plain = re.escape(char)
    if char in '"\\/':
        return rf"\\{{0,8}}{plain}"
    if char.isspace():
        return r"(?:[\s+]|%20|\\[nt]){1,4}"
    if char.isascii() or ord(char) > 0xFFFF:
        return plain
    return rf"(?:{plain}|\\{{1,8}}u{ord(char):04x})"


def _parts(name: str) -> str:
    return "[^A-Za-z0-9]".join(re.escape(part) for part in re.split(r"[\s._-]", name) if part)
