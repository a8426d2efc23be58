"""Damage found while reading, counted by file and kind: named, never guessed around."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from types import TracebackType

from pydantic import ValidationError

from autotune.workload.model import Damage


class DamageKind(StrEnum):
    """Everything a reader may report."""

    BOM = "bom"
    CRLF = "crlf"
    LONG_LINE = "long-line"
    TORN_LINE = "torn-line"
    TORN_FILE = "torn-file"
    OVERLONG_LINE = "overlong-line"
    BAD_ENCODING = "bad-encoding"
    BAD_JSON = "bad-json"
    NOT_AN_OBJECT = "not-an-object"
    WRONG_SCHEMA = "wrong-schema"
    TURN_OUT_OF_ORDER = "turn-out-of-order"
    MISSING_TURN = "missing-turn"
    ORPHAN_DELTA = "orphan-delta"
    PROMPT_MISMATCH = "prompt-mismatch"
    UNKNOWN_TOOLS = "unknown-tools"
    UNANSWERED_REQUEST = "unanswered-request"
    RESPONSE_WITHOUT_REQUEST = "response-without-request"
    SHARED_SESSION_ID = "shared-session-id"
    DUPLICATE_SESSION = "duplicate-session"
    MISSING_FILE = "missing-file"
    UNKNOWN_FORMAT = "unknown-format"
    SKIPPED_FILE = "skipped-file"
    MISSING_PARENT = "missing-parent"
    NO_CONTENT = "no-content"
    REPEATED_REQUESTS = "repeated-requests"


HARMLESS = frozenset(
    {
        DamageKind.BOM,
        DamageKind.CRLF,
        DamageKind.LONG_LINE,
        DamageKind.UNANSWERED_REQUEST,
        DamageKind.DUPLICATE_SESSION,
        DamageKind.SHARED_SESSION_ID,
        DamageKind.SKIPPED_FILE,
        DamageKind.REPEATED_REQUESTS,
    }
)
"""Kinds that cost no turn: what was read is what was written."""


@dataclass(slots=True)
class _Entry:
    count: int
    first_line: int
    detail: str


@dataclass(slots=True)
class DamageLedger:
    """Counts damage by file and kind, in the order in which it was met."""

    _entries: dict[tuple[str, DamageKind], _Entry] = field(default_factory=dict)

    def add(self, file: str, kind: DamageKind, line: int = 0, detail: str = "") -> None:
        """Count one more `kind` in `file`; the first line and detail are kept.

        `line` counts from 1; 0 is the file as a whole.
        """
        entry = self._entries.get((file, kind))
        if entry is None:
            self._entries[file, kind] = _Entry(1, line, detail)
        else:
            entry.count += 1

    def checked(self, file: str, line: int = 0, within: str = "") -> _Checked:
        """A context that counts a `ValueError` of its block as `WRONG_SCHEMA`, and goes on.

        pydantic's ``ValidationError`` is one; its first error is told. `within` says of which part
        of the line, or of the file, the block speaks.
        """
        return _Checked(self, file, line, within)

    def entries(self) -> tuple[Damage, ...]:
        """Everything counted so far."""
        return tuple(
            Damage(file, str(kind), entry.count, entry.first_line, entry.detail, kind in HARMLESS)
            for (file, kind), entry in self._entries.items()
        )


@dataclass(slots=True)
class _Checked:
    """See `DamageLedger.checked`. A class and no generator: a reader enters one for every line."""

    ledger: DamageLedger
    file: str
    line: int
    within: str

    def __enter__(self) -> None:
        """Nothing to set up."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None
    ) -> bool:
        """Whether the error was damage."""
        if not isinstance(error, ValueError):
            return False
        told = _first_error(error) if isinstance(error, ValidationError) else str(error)
        detail = f"{self.within}: {told}" if self.within else told
        self.ledger.add(self.file, DamageKind.WRONG_SCHEMA, self.line, detail)
        return True


def _first_error(error: ValidationError) -> str:
    """Where a model was not met, and why; without any text of the file."""
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "line"
    return f"{where}: {first['msg']}"
