"""What a redacted capture says of itself, so that it is not taken for one that leaks.

The first turn of a session carries short digests of the pseudonyms in it. A pseudonym in a home
path looks like a name; by its digest a later check, or a second redaction, knows it for one. The
digests tell nothing: the pseudonyms stand in the text beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from autotune.workload.model import Session, Turn

KEY = "redaction"
SCHEMA = "redaction/1"
_DIGEST_BYTES = 8


def digest(pseudonym: str) -> str:
    """Sixteen hexadecimal digits for a pseudonym, whatever its case."""
    data = pseudonym.casefold().encode("utf-8", "surrogatepass")
    return hashlib.blake2b(data, digest_size=_DIGEST_BYTES).hexdigest()


def marked(session: Session, pseudonyms: Collection[str], text: str) -> Session:
    """`session` with the mark in every turn's origin, and the digests in its first."""
    earlier = set(issued_in(session))
    known = sorted({*map(digest, pseudonyms), *earlier})
    turns = (_marked(turn, known if not i else (), text) for i, turn in enumerate(session.turns))
    return replace(session, turns=tuple(turns))


def _marked(turn: Turn, known: Collection[str], text: str) -> Turn:
    mark: dict[str, Any] = {"schema": SCHEMA, "text": text}
    if known:
        mark["pseudonyms"] = list(known)
    return replace(turn, origin={**turn.origin, KEY: mark})


def issued_in(session: Session) -> Iterator[str]:
    """Digests of the pseudonyms that an earlier redaction left in `session`."""
    for turn in session.turns:
        yield from issued_by(turn.origin)


def issued_by(origin: Mapping[str, Any]) -> Iterable[str]:
    """The digests that one turn's origin carries."""
    mark = origin.get(KEY)
    known = mark.get("pseudonyms") if isinstance(mark, dict) else None
    return [item for item in known if isinstance(item, str)] if isinstance(known, list) else []
