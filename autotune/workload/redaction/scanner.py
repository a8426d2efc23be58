"""All rules on one text: which stretches of it have to go, none of them over another."""

from __future__ import annotations

import re
from bisect import bisect_left, insort
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from autotune.workload.redaction.marks import digest
from autotune.workload.redaction.rules import WORD, Hit, Rule, Style
from autotune.workload.redaction.units import is_empty

_ESCAPE = re.compile(r"[nrtbf\"\\/]|u[0-9a-fA-F]{4}")
_DATA_URL = re.compile(r"data:[\w.+-]+/[\w.+-]+;base64,[A-Za-z0-9+/=\s]*")


@dataclass(frozen=True, slots=True)
class Span:
    """``text[start:end]`` is a value of the rule named `rule`."""

    start: int
    end: int
    rule: str
    style: Style
    secret: bool
    learn: bool = False
    stays: bool = False


class Scanner:
    """Finds the values of `rules` in texts; a rule goes before those behind it.

    `allow` are values that stay (compared without case), alone or as the text they were told by;
    `issued` are digests of pseudonyms, which stay as well and may become more.
    """

    def __init__(
        self, rules: Sequence[Rule], allow: Collection[str] = (), issued: Collection[str] = ()
    ) -> None:
        self._rules = tuple(rules)
        self._allow = frozenset(value.casefold() for value in allow)
        self._issued = issued

    def find(self, text: str, *, is_json: bool = False) -> list[Span]:
        """What must go, left to right, never overlapping.

        Where two rules want the same characters the first rule's value is whole, and what is
        left of the other's goes too. `is_json` says that `text` is JSON: its escapes stay whole.
        Texts that are data URLs (images) hold nothing.
        """
        if is_data_url(text):
            return []
        lowered = text.lower()
        taken: list[Span] = []
        for rule in self._rules:
            if rule.hints and not any(hint in lowered for hint in rule.hints):
                continue
            for hit in rule.find(text):
                start = _behind_escape(text, hit.start, hit.end) if is_json else hit.start
                if start < hit.end:
                    self._take(taken, text, self._span(text, start, hit, rule))
        return [span for span in taken if not span.stays]

    def _span(self, text: str, start: int, hit: Hit, rule: Rule) -> Span:
        """What `hit` takes. A value that stays takes its characters too: no other rule has them."""
        stays = self._allowed(text[start : hit.end], hit.whole, rule)
        return Span(start, hit.end, rule.name, rule.style, rule.secret, hit.learn, stays)

    def _take(self, taken: list[Span], text: str, span: Span) -> None:
        """Put `span` among those that are there, without the characters that they have."""
        for start, end in _free(taken, span.start, span.end):
            piece = text[start:end]
            whole = end - start == span.end - span.start
            if not is_empty(piece):
                stays = span.stays or (not whole and span.rule != WORD and self.stays(piece))
                part = replace(span, start=start, end=end, learn=span.learn and whole, stays=stays)
                insort(taken, part, key=lambda item: item.start)

    def stays(self, value: str) -> bool:
        """Whether `value` is one that is allowed, or a pseudonym of an earlier redaction."""
        if value.casefold() in self._allow:
            return True
        return bool(self._issued) and digest(value) in self._issued

    def _allowed(self, value: str, whole: str, rule: Rule) -> bool:
        if rule.name == WORD:
            return False
        return self.stays(value) or whole.casefold() in self._allow or self._by_domain(whole)

    def _by_domain(self, whole: str) -> bool:
        """Whether the domain of an address is one that stays."""
        _, at, domain = whole.rpartition("@")
        return bool(at) and domain.casefold() in self._allow


def is_data_url(text: str) -> bool:
    """Whether all of `text` is an image or another file, in base64."""
    return text.startswith("data:") and _DATA_URL.fullmatch(text) is not None


def _behind_escape(text: str, start: int, end: int) -> int:
    """`start`, or the end of the JSON escape that it stands in."""
    slashes = 0
    while slashes < start and text[start - slashes - 1] == "\\":
        slashes += 1
    if slashes % 2 == 0:
        return start
    escape = _ESCAPE.match(text, start, max(end, start + 5))
    return escape.end() if escape else start


def _free(taken: list[Span], start: int, end: int) -> list[tuple[int, int]]:
    """The parts of ``start:end`` that no span has."""
    index = bisect_left(taken, start, key=lambda item: item.end)
    free: list[tuple[int, int]] = []
    for span in taken[index:]:
        if span.start >= end:
            break
        if span.end > start:
            if span.start > start:
                free.append((start, span.start))
            start = max(start, span.end)
    if start < end:
        free.append((start, end))
    return free
