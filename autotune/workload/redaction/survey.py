"""The passes before the writing one: what is there to redact, and where it stands."""

from __future__ import annotations

from collections.abc import Iterable

from autotune.workload.model import Session, Turn
from autotune.workload.redaction.exact import Contexts, contexts_of
from autotune.workload.redaction.marks import issued_in
from autotune.workload.redaction.options import Knowledge, RedactionOptions
from autotune.workload.redaction.report import Tally
from autotune.workload.redaction.rules import (
    ASSIGNMENT,
    METADATA_ID,
    SESSION_ID,
    Style,
)
from autotune.workload.redaction.scanner import Scanner, Span, is_data_url
from autotune.workload.redaction.units import is_empty
from autotune.workload.redaction.walk import Walker
from autotune.workload.redaction.words import is_strong, is_telling


class Survey:
    """Looks at every text and changes none: counts, learns values, gathers contexts."""

    def __init__(
        self,
        options: RedactionOptions,
        scanner: Scanner,
        known: Knowledge,
        contexts: Contexts | None = None,
    ) -> None:
        self.tally = Tally()
        self._options = options
        self._scanner = scanner
        self._known = known
        self._contexts = contexts
        self._walker = Walker(self, options.session_ids)

    def over(self, sessions: Iterable[Session]) -> Tally:
        """All of `sessions`, one at a time."""
        for session in sessions:
            self._known.issued.update(issued_in(session))
            self.tally.began(len(session.turns))
            self._walker.session(session, _as_it_is)
        return self.tally

    def text(self, text: str, *, is_json: bool = False) -> str:
        """Notes what the rules find in `text`."""
        self.tally.images += is_data_url(text)
        spans = self._scanner.find(text, is_json=is_json)
        for span in spans:
            self._note(text[span.start : span.end], span)
        if self._contexts is not None and spans:
            self._contexts.add(contexts_of(text, spans))
        return text

    def whole(self, value: str, rule: str) -> str:
        """Notes a value that its key tells."""
        if self._scanner.stays(value):
            return value
        if is_left_out(self._options, value, rule):
            return self.text(value)
        self._note(value, whole_span(value, rule))
        if self._contexts is not None:
            self._contexts.add(contexts_of(value, [whole_span(value, rule)]))
        return value

    def _note(self, value: str, span: Span) -> None:
        self.tally.found(span.rule, value)
        self._known.values.setdefault(value, (span.rule, span.style))
        if (span.secret or span.rule == SESSION_ID) and is_strong(value):
            self._known.secrets[value] = None
        if span.learn and is_telling(value):
            self._known.names[value.casefold()] = None


def _as_it_is(turn: Turn) -> Turn:
    return turn


def whole_span(value: str, rule: str) -> Span:
    """All of `value`, as the value of `rule`."""
    return Span(0, len(value), rule, Style.SECRET, rule in (ASSIGNMENT, METADATA_ID))


def is_left_out(options: RedactionOptions, value: str, rule: str) -> bool:
    """Whether a value is not for the rule of its key: that one is not asked for, or it is empty."""
    return rule in options.without or is_empty(value)
