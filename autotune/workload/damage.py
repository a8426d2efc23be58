"""Damage found while reading, counted by file and kind: named, never guessed around."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

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

    def entries(self) -> tuple[Damage, ...]:
        """Everything counted so far."""
        return tuple(
            Damage(file, str(kind), entry.count, entry.first_line, entry.detail, kind in HARMLESS)
            for (file, kind), entry in self._entries.items()
        )
