"""Mooncake rows without text: lengths, times and salted hashes of 512-token blocks.

Rows name no session, as in the published traces; sessions are told again by their prefixes. Times
count from the first request of the export.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from autotune.workload.formats.base import Format, Place, Written, known, lines_file, whole_ms
from autotune.workload.formats.hashing import KnownText, SessionHasher, prompt_counts
from autotune.workload.model import Session

BLOCK_TOKENS = 512


def _rows(session: Session, text: KnownText) -> Iterator[tuple[float | None, dict[str, Any]]]:
    """When a request was sent, and its row without that."""
    hasher = SessionHasher(text, BLOCK_TOKENS)
    for turn, count in zip(session.turns, prompt_counts(session), strict=True):
        prompt = hasher.prompt(turn, count)
        partial = () if prompt.partial is None else (prompt.partial,)
        row = {
            "input_length": prompt.tokens,
            "output_length": turn.output_tokens,
            "hash_ids": [*prompt.full, *partial],
        }
        yield turn.timestamp_ms, known(row)


def _write(sessions: Iterable[Session], out: Path, salt: bytes) -> Written:
    """Rows in the order of their times; those without one come last, as they came."""
    text = KnownText(salt)
    rows: list[tuple[float | None, dict[str, Any]]] = []
    count = 0
    for session in sessions:
        rows.extend(_rows(session, text))
        count += 1
    timed = sorted(
        ((sent, row) for sent, row in rows if sent is not None), key=lambda pair: pair[0]
    )
    untimed = [row for sent, row in rows if sent is None]
    with lines_file(out) as write:
        for at, row in timed:
            write({"timestamp": whole_ms(at - timed[0][0]), **row})
        for row in untimed:
            write(row)
    return Written(count, len(rows))


MOONCAKE_HASH = Format(
    name="mooncake-hash",
    description="Mooncake rows of salted block hashes: shapes to share, no text",
    loses="all text, session names, replies, and recorded measurements but the lengths",
    place=Place.FILE,
    write=_write,
    salted=True,
)
