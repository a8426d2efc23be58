"""What is left in a redacted text: what a rule still finds and no pseudonym accounts for."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator

from autotune.workload.redaction.scanner import Scanner, Span
from autotune.workload.redaction.words import any_of

_UNCOVERED_CHARS = 3
"""So many letters of a match may be nobody's: the edge of a value that another rule took."""

_COVERING_CHARS = 3
"""Pseudonyms shorter than this account for nothing but themselves."""


class Leaks:
    """Looks for what `scanner` finds beyond `pseudonyms`, which may become more meanwhile."""

    def __init__(self, scanner: Scanner, pseudonyms: Collection[str]) -> None:
        self._scanner = scanner
        self._issued = pseudonyms
        self._covering: tuple[int, re.Pattern[str] | None] = (0, None)

    def stays(self, value: str) -> bool:
        """Whether a value that is told by its key is a pseudonym, or one that may stay."""
        return value in self._issued or self._scanner.stays(value)

    def in_text(self, text: str, *, is_json: bool = False) -> Iterator[Span]:
        """Every match in `text` that is not a pseudonym and not made of pseudonyms."""
        covered: list[bool] | None = None
        for span in self._scanner.find(text, is_json=is_json):
            if text[span.start : span.end] in self._issued:
                continue
            covered = self._cover(text) if covered is None else covered
            value = zip(text[span.start : span.end], covered[span.start : span.end], strict=True)
            if sum(char.isalnum() and not known for char, known in value) >= _UNCOVERED_CHARS:
                yield span

    def _cover(self, text: str) -> list[bool]:
        """Of every character, whether a pseudonym holds it."""
        covered = [False] * len(text)
        pattern = self._pattern()
        for match in pattern.finditer(text) if pattern else ():
            covered[match.start() : match.end()] = [True] * len(match.group())
        return covered

    def _pattern(self) -> re.Pattern[str] | None:
        if self._covering[0] != len(self._issued):
            known = [p for p in self._issued if len(p) >= _COVERING_CHARS]
            # In a line of a file a pseudonym stands as JSON has it.
            long = dict.fromkeys(
                (*known, *(json.dumps(p, ensure_ascii=False)[1:-1] for p in known))
            )
            self._covering = (len(self._issued), re.compile(any_of(long)) if long else None)
        return self._covering[1]
