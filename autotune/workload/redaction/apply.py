"""The writing pass: every value of every session replaced by its pseudonym, once in the store."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from autotune.workload.depth import CHARS_PER_TOKEN
from autotune.workload.model import Session, Turn
from autotune.workload.prefix import common_prefix, shared_objects
from autotune.workload.redaction.exact import Context, whole_context
from autotune.workload.redaction.leaks import Leaks
from autotune.workload.redaction.marks import marked
from autotune.workload.redaction.options import RedactionOptions, base_scanner
from autotune.workload.redaction.pseudonyms import Pseudonyms, UnprocessableError, unprocessable
from autotune.workload.redaction.report import Tally, TokenCount
from autotune.workload.redaction.scanner import Scanner, Span, is_data_url
from autotune.workload.redaction.survey import is_left_out, whole_span
from autotune.workload.redaction.tokenizer import Counter
from autotune.workload.redaction.walk import Walker


@dataclass(slots=True)
class Problems:
    """Texts for which other pseudonyms are needed."""

    leaking: list[Context] = field(default_factory=list)
    miscounted: list[Context] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.leaking or self.miscounted)

    @property
    def values(self) -> tuple[str, ...]:
        """The values in them, each once."""
        both = (*self.leaking, *self.miscounted)
        return tuple(dict.fromkeys(value for context in both for value in context.values))


class Redactor:
    """Replaces what `scanner` finds; `book` has a pseudonym for everything by then."""

    def __init__(
        self,
        options: RedactionOptions,
        scanner: Scanner,
        book: Pseudonyms,
        counter: Counter | None = None,
    ) -> None:
        self.tally = Tally()
        self.problems = Problems()
        self._options = options
        self._scanner = scanner
        self._book = book
        self._counter = counter
        self._ignorant = base_scanner(options)
        self._leaks = Leaks(scanner, book.pseudonyms)
        self._walker = Walker(self, options.session_ids, self._compare)
        self._template = JsonContext(options, scanner)
        self._used: set[str] = set()
        self._counts = [0, 0, 0, 0]

    def over(self, sessions: Iterable[Session]) -> Iterator[Session]:
        """`sessions` redacted, one at a time."""
        for session in sessions:
            self.tally.began(len(session.turns))
            self._used.clear()
            changed = self._walker.session(session, _as_it_is)
            check_prefixes(session, changed)
            yield marked(changed, self._used, self._options.text)

    @property
    def tokens(self) -> TokenCount:
        """Counts of the texts that were changed so far."""
        return TokenCount(self._counter is not None, *self._counts)

    def text(self, text: str, *, is_json: bool = False) -> str:
        """`text` with pseudonyms for what the rules find in it."""
        self.tally.images += is_data_url(text)
        spans = self._scanner.find(text, is_json=is_json)
        if not spans:
            return text
        changed = "".join(self._replaced(text, spans))
        if is_json and _is_json(text) and not _is_json(changed):
            raise unprocessable(spans[0].rule, "the arguments of a tool call would not be JSON")
        self._look_again(text, changed, spans, is_json=is_json)
        self._count(text, changed, spans)
        return changed

    def _look_again(self, text: str, changed: str, spans: Sequence[Span], *, is_json: bool) -> None:
        """Notes what leaks; what is made of pseudonyms is known for one from now on."""
        if any(self._leaks.in_text(changed, is_json=is_json)):
            self.problems.leaking.append(whole_context(text, spans))
        for scanner in (self._scanner, self._ignorant):
            for span in scanner.find(changed, is_json=is_json):
                self._used.add(changed[span.start : span.end])

    def whole(self, value: str, rule: str) -> str:
        """The pseudonym of a value that its key tells."""
        if self._scanner.stays(value):
            return value
        if is_left_out(self._options, value, rule):
            return self.text(value)
        span = whole_span(value, rule)
        changed = "".join(self._replaced(value, [span]))
        self._count(value, changed, [span])
        return changed

    def _replaced(self, text: str, spans: Sequence[Span]) -> Iterator[str]:
        at = 0
        for span in spans:
            value = text[span.start : span.end]
            self.tally.found(span.rule, value)
            pseudonym = self._book.of(value, span.rule, span.style)
            self._used.add(pseudonym)
            yield text[at : span.start]
            yield pseudonym
            at = span.end
        yield text[at:]

    def _count(self, before: str, after: str, spans: Sequence[Span]) -> None:
        counts = [self._size(before), self._size(after)]
        wrong = counts[0] != counts[1]
        self._counts = [a + b for a, b in zip(self._counts, [1, *counts, wrong], strict=True)]
        if wrong and self._counter is not None:
            self.problems.miscounted.append(whole_context(before, spans))

    def _size(self, text: str) -> int:
        if self._counter is None:
            return round(len(text) / CHARS_PER_TOKEN)
        return self._counter.count(text)

    def _compare(self, before: Any, after: Any) -> None:
        """Tools and messages as JSON, which is how templates write most of them, count alike."""
        if self._counter is None:
            return
        texts = [json.dumps(value, ensure_ascii=False) for value in (before, after)]
        if self._counter.count(texts[0]) != self._counter.count(texts[1]):
            self.problems.miscounted.append(self._template.context(before))


class JsonContext:
    """A message or list of tools, as JSON, taken apart at its values.

    The values are walked like the text that they stand in, and marked by characters of Unicode's
    private use area, which no text holds.
    """

    _MARK = re.compile("\ue0f0([0-9]+)\ue0f1")

    def __init__(self, options: RedactionOptions, scanner: Scanner) -> None:
        self._options = options
        self._scanner = scanner
        self._values: list[str] = []

    def context(self, value: Any) -> Context:
        """`value` as JSON text around its values."""
        self._values.clear()
        marked_text = json.dumps(Walker(self).plain(value), ensure_ascii=False)
        pieces = self._MARK.split(marked_text)
        return Context(tuple(self._values[int(p)] if i % 2 else p for i, p in enumerate(pieces)))

    def text(self, text: str, *, is_json: bool = False) -> str:
        """`text` with marks for its values."""
        return self._marked(text, self._scanner.find(text, is_json=is_json))

    def whole(self, value: str, rule: str) -> str:
        """A mark for all of `value`."""
        if self._scanner.stays(value):
            return value
        if is_left_out(self._options, value, rule):
            return self.text(value)
        return self._marked(value, [whole_span(value, rule)])

    def _marked(self, text: str, spans: Sequence[Span]) -> str:
        pieces = list(whole_context(text, spans).pieces)
        for index in range(1, len(pieces), 2):
            self._values.append(pieces[index])
            pieces[index] = f"\ue0f0{len(self._values) - 1}\ue0f1"
        return "".join(pieces)


def _as_it_is(turn: Turn) -> Turn:
    return turn


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def check_prefixes(before: Session, after: Session) -> None:
    """Raises `UnprocessableError` when two prompts have not as many messages in common as they had.

    That cannot be while texts that differ stay different; it is the promise, so it is checked.
    """
    for old, new in zip(pairwise(before.turns), pairwise(after.turns), strict=True):
        if _shared(*old) != _shared(*new):
            raise UnprocessableError(
                "two messages that differ would become the same", "give another --salt"
            )


def _shared(before: Turn, after: Turn) -> int:
    same = shared_objects(before.messages, after.messages)
    return same + common_prefix(before.messages[same:], after.messages[same:])
