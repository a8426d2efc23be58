"""Pseudonyms that leave the token count of every text as it was.

A tokenizer cuts a text where the class of its characters changes, and joins bytes only between
those cuts. So what a value does to the count of a text is decided by the characters around it:
its *context*. Contexts are gathered in a pass over the captures; a pseudonym is taken when every
context of its value has the count that it had. The whole texts are counted afterwards all the
same: one whose count differs becomes a context itself, and its values get other pseudonyms.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from autotune.workload.redaction.scanner import Span
from autotune.workload.redaction.tokenizer import Counter

_WORD_CHARS = 24
_BETWEEN_CHARS = 12

EDGES = ("", "\n", '"', " ")
"""What a template or JSON may put before and behind a text."""


@dataclass(frozen=True, slots=True)
class Context:
    """Text around values: literal, value, literal, ..., literal."""

    pieces: tuple[str, ...]

    @property
    def values(self) -> tuple[str, ...]:
        """The values in it, in order."""
        return self.pieces[1::2]

    @property
    def text(self) -> str:
        """As it was."""
        return "".join(self.pieces)

    def with_(self, issued: Mapping[str, str]) -> str:
        """With the pseudonyms that its values have."""
        pieces = (issued.get(p, p) if i % 2 else p for i, p in enumerate(self.pieces))
        return "".join(pieces)


def contexts_of(text: str, spans: Sequence[Span]) -> Iterator[Context]:
    """The contexts of the values at `spans` (left to right); values close by share one."""
    group: list[Span] = []
    for span in spans:
        if group and left_edge(text, span.start) > right_edge(text, group[-1].end):
            yield from _around(text, group)
            group = []
        group.append(span)
    if group:
        yield from _around(text, group)


def whole_context(text: str, spans: Sequence[Span]) -> Context:
    """All of `text`."""
    return _pieces(text, spans, 0, len(text))


def _around(text: str, group: Sequence[Span]) -> Iterator[Context]:
    start, end = left_edge(text, group[0].start), right_edge(text, group[-1].end)
    middle = _pieces(text, group, start, end).pieces
    for before in EDGES if start == 0 else ("",):
        for behind in EDGES if end == len(text) else ("",):
            yield Context((before + middle[0], *middle[1:-1], middle[-1] + behind))


def _pieces(text: str, spans: Sequence[Span], start: int, end: int) -> Context:
    pieces: list[str] = []
    for span in spans:
        pieces += [text[start : span.start], text[span.start : span.end]]
        start = span.end
    return Context((*pieces, text[start:end]))


def left_edge(text: str, start: int) -> int:
    """Where the context of a value at `start` begins: the rest of its word, then the marks
    between, then the word before them.
    """
    at = start
    for words, limit in ((True, _WORD_CHARS), (False, _BETWEEN_CHARS), (True, _WORD_CHARS)):
        stop = max(0, at - limit)
        while at > stop and text[at - 1].isalnum() is words:
            at -= 1
    return at


def right_edge(text: str, end: int) -> int:
    """Where the context of a value that ends at `end` ends, likewise."""
    at = end
    for words, limit in ((True, _WORD_CHARS), (False, _BETWEEN_CHARS), (True, _WORD_CHARS)):
        stop = min(len(text), at + limit)
        while at < stop and text[at].isalnum() is words:
            at += 1
    return at


@dataclass(slots=True)
class Contexts:
    """Every context of every value, each once, in the order met."""

    counter: Counter
    _by_value: dict[str, dict[Context, None]] = field(default_factory=dict)

    def add(self, contexts: Iterable[Context]) -> None:
        """Remember `contexts`."""
        for context in contexts:
            for value in dict.fromkeys(context.values):
                self._by_value.setdefault(value, {})[context] = None

    @property
    def values(self) -> tuple[str, ...]:
        """Every value met, in order."""
        return tuple(self._by_value)

    def fits(self, value: str, candidate: str, issued: Mapping[str, str]) -> bool:
        """Whether every context of `value` keeps its count with `candidate`.

        Other values in it stand as their pseudonyms, and those without one yet as they are: each
        pseudonym is to cost what its value cost, since a later one cannot make up for it.
        """
        known = self._by_value.get(value, {})
        return all(self._same(context, value, candidate, issued) for context in known)

    def _same(
        self, context: Context, value: str, candidate: str, issued: Mapping[str, str]
    ) -> bool:
        beside = {other: issued[other] for other in context.values if other in issued}
        changed = context.with_({**beside, value: candidate})
        return self.counter.count(context.text) == self.counter.count(changed)
