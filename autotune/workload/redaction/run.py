"""A redaction from end to end: learn, count, write, check, and only then put in place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from autotune.errors import UserError
from autotune.workload.load import CaptureStream
from autotune.workload.model import Damage, Session
from autotune.workload.redaction.apply import Problems, Redactor
from autotune.workload.redaction.exact import Contexts
from autotune.workload.redaction.leaks import Leaks
from autotune.workload.redaction.options import (
    Knowledge,
    RedactionOptions,
    TextMode,
    base_scanner,
    full_scanner,
    secret_scanner,
)
from autotune.workload.redaction.pseudonyms import Pseudonyms
from autotune.workload.redaction.publish import staged
from autotune.workload.redaction.report import RedactionReport, Tally, TokenCount
from autotune.workload.redaction.scanner import Scanner
from autotune.workload.redaction.secret_rules import SECRET_RULES
from autotune.workload.redaction.survey import Survey
from autotune.workload.redaction.text_none import TextNone
from autotune.workload.redaction.tokenizer import Counter, Tokenizer
from autotune.workload.redaction.verify import Verifier
from autotune.workload.redaction.words import name_rules, word_rules
from autotune.workload.writer import refuse_existing, write_capture

MAX_ROUNDS = 8
"""Times that the captures are gone through again because a pseudonym did not fit somewhere."""


def check_captures(paths: Iterable[Path], options: RedactionOptions) -> RedactionReport:
    """What a redaction would replace; writes nothing.

    Raises `UserError` for captures that cannot be read and options that make no sense.
    """
    options.check()
    paths = tuple(paths)
    known = learn(paths, options)
    stream = CaptureStream(paths)
    tally = Survey(options, full_scanner(options, known), known).over(_sessions(stream))
    return _report(options, tally, TokenCount(exact=False), stream.ledger.entries())


def redact_captures(
    paths: Iterable[Path],
    out: Path,
    options: RedactionOptions,
    *,
    tokenizer: Tokenizer | None = None,
    force: bool = False,
) -> RedactionReport:
    """Write the captures at `paths` to `out` as ``capture/1``, redacted.

    With a `tokenizer` the token count of every text stays exactly what it was; without one its
    length and the classes of its characters do. Memory is bounded by one session, the values
    found and, with a tokenizer, the contexts they stand in.

    Raises:
        UserError: the captures cannot be read, `out` is there and `force` is not given, a value
            cannot be processed (`UnprocessableError`), or the output fails its check
            (`LeakingError`). Nothing is written then.
        MachineError: the tokenizer does not answer.
    """
    options.check()
    refuse_existing(out, force)
    run = _Run(tuple(paths), options, Counter(tokenizer) if tokenizer else None)
    out.parent.mkdir(parents=True, exist_ok=True)
    with staged(out) as place:
        return run.into(place)


def learn(paths: tuple[Path, ...], options: RedactionOptions) -> Knowledge:
    """The first pass: values that are to be looked for everywhere."""
    known = Knowledge()
    Survey(options, base_scanner(options, known.issued), known).over(
        _sessions(CaptureStream(paths))
    )
    return known


@dataclass(slots=True)
class _Run:
    paths: tuple[Path, ...]
    options: RedactionOptions
    counter: Counter | None

    def into(self, place: Path) -> RedactionReport:
        """Everything, written to `place` and checked there."""
        known = learn(self.paths, self.options)
        scanner = full_scanner(self.options, known)
        if self.options.text is TextMode.NONE:
            return self._without_text(place, known, scanner)
        book, contexts = self._book(known, scanner)
        for _ in range(MAX_ROUNDS):
            stream = CaptureStream(self.paths)
            redactor = Redactor(self.options, scanner, book, self.counter)
            write_capture(redactor.over(_sessions(stream)), place, force=True)
            if not redactor.problems:
                break
            _amend(redactor.problems, book, contexts)
        else:
            raise _never_fits(redactor.problems)
        lines = self._verified(place, known, book)
        report = _report(self.options, redactor.tally, redactor.tokens, stream.ledger.entries())
        return replace(report, verified_lines=lines)

    def _book(self, known: Knowledge, scanner: Scanner) -> tuple[Pseudonyms, Contexts | None]:
        """Pseudonyms; with a tokenizer all of them, from a pass that gathers their contexts."""
        avoid = avoided(self.options, known)
        if self.counter is None:
            book = Pseudonyms(self.options.salt, avoid)
            book.reserve(known.values)
            return book, None
        contexts = Contexts(self.counter)
        book = Pseudonyms(
            self.options.salt, avoid, lambda value, new: contexts.fits(value, new, book.issued)
        )
        survey = Survey(self.options, scanner, known, contexts)
        survey.over(_sessions(CaptureStream(self.paths)))
        book.reserve(known.values)
        for value in contexts.values:
            book.of(value, *known.values[value])
        return book, contexts

    def _without_text(self, place: Path, known: Knowledge, scanner: Scanner) -> RedactionReport:
        """Filler for every text; what is left of names goes by the rules."""
        stream = CaptureStream(self.paths)
        blank = TextNone(self.options, avoided(self.options, known), scanner, self.counter)
        write_capture(blank.over(_sessions(stream)), place, force=True)
        lines = self._verified(place, known, blank.book)
        report = _report(self.options, blank.tally, blank.tokens, stream.ledger.entries())
        return replace(report, verified_lines=lines)

    def _verified(self, place: Path, known: Knowledge, book: Pseudonyms) -> int:
        by_place = Leaks(full_scanner(self.options, known), book.pseudonyms)
        by_look = Leaks(secret_scanner(self.options, known), book.pseudonyms)
        return Verifier(self.options, by_place, by_look).check(place)


def avoided(options: RedactionOptions, known: Knowledge) -> Callable[[str], bool]:
    """Whether a made-up text holds something that would have to go in its turn."""
    scanner = Scanner([*SECRET_RULES, *word_rules(options.words), *name_rules(tuple(known.names))])
    return lambda text: bool(scanner.find(text))


def _amend(problems: Problems, book: Pseudonyms, contexts: Contexts | None) -> None:
    """Other pseudonyms for the values of texts in which those they have do not do."""
    if contexts is not None:
        contexts.add(problems.miscounted)
    book.reissue([value for value in problems.values if value in book.issued])


def _never_fits(problems: Problems) -> UserError:
    texts = len(problems.leaking) + len(problems.miscounted)
    why = "would leak" if problems.leaking else "would change their token count"
    return UserError(
        f"nothing was written: {_texts(texts)} {why} with every pseudonym tried",
        "give another --salt, or leave the tokenizer out",
    )


def _texts(count: int) -> str:
    """``1 text``, ``2 texts``."""
    return f"{count} text" if count == 1 else f"{count} texts"


def _sessions(stream: CaptureStream) -> Iterator[Session]:
    return (loaded.session for loaded in stream)


def _report(
    options: RedactionOptions, tally: Tally, tokens: TokenCount, damage: tuple[Damage, ...]
) -> RedactionReport:
    return RedactionReport(
        sessions=tally.sessions,
        turns=tally.turns,
        rules=tally.rules(),
        tokens=tokens,
        text=options.text,
        images=tally.images,
        damage=damage,
    )
