"""Which sessions a folder of captures holds, without their text; read again when a file changed."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from autotune.errors import MachineError, UserError
from autotune.study.files import read_json, write_json
from autotune.workload.digest import SessionKey, workload_digest
from autotune.workload.families import family_roots
from autotune.workload.load import CaptureStream, LoadedSession
from autotune.workload.summary import summarize

VERSION = "session-index/1"

_EPOCH_MS = 1_000_000_000_000.0
"""September 2001: stamps below it are of a clock that began with the capture."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionFact:
    """One session: its id and content, when it ended, and how deep it went in recorded tokens.

    `root` is the session that spawned it, directly or not; itself where none did. `at_s` is UTC in
    seconds since 1970: its last turn's stamp, else when its file was written.
    """

    session_id: str
    root: str
    content: str
    start_ms: float | None
    at_s: float
    turns: int
    deepest: int

    @property
    def same(self) -> tuple[str, str]:
        """Equal for two sessions that are replayed alike."""
        return self.session_id, self.content

    @property
    def key(self) -> SessionKey:
        """Its place and content in a digest."""
        start = float("inf") if self.start_ms is None else self.start_ms
        return SessionKey(start, self.session_id, self.content)


def digest_of(sessions: Iterable[SessionFact]) -> str:
    """The digest of a workload of these sessions, as a study notes it."""
    return workload_digest(session.key for session in sessions)


def facts_json(sessions: Iterable[SessionFact]) -> list[dict[str, Any]]:
    """Plain data; `facts_from` reads it back."""
    return [asdict(session) for session in sessions]


def facts_from(rows: Iterable[Any]) -> tuple[SessionFact, ...]:
    """Raises ``TypeError`` for rows that `facts_json` did not write."""
    return tuple(SessionFact(**row) for row in rows)


def indexed(captures: Path, index: Path) -> tuple[SessionFact, ...]:
    """The sessions at `captures`, from the file `index` where none of the captures has changed.

    The newest come last. Raises `UserError` when nothing can be read.
    """
    signature = signature_of(captures)
    stored = _stored(index, signature)
    if stored is not None:
        return stored
    found = _read(captures)
    content = {"schema_version": VERSION, "signature": signature, "sessions": facts_json(found)}
    write_json(index, content)
    return found


def signature_of(captures: Path) -> str:
    """Changes whenever a file at `captures` is written, moved or removed. Reads none of them."""
    total = hashlib.sha256()
    for path in sorted(_files(captures)):
        try:
            stat = path.stat()
        except OSError:
            continue
        row = [str(path.resolve()), stat.st_ino, stat.st_size, stat.st_mtime_ns]
        total.update(json.dumps(row).encode() + b"\n")
    return total.hexdigest()


def _files(captures: Path) -> Iterator[Path]:
    if not captures.exists():
        raise UserError(f"there is no {captures}", "check the target's workload")
    if captures.is_file():
        yield captures
    for folder, _, names in os.walk(captures):
        yield from (Path(folder) / name for name in names)


def _stored(index: Path, signature: str) -> tuple[SessionFact, ...] | None:
    """What the index holds; a damaged or an older one is as good as none."""
    try:
        data = read_json(index) or {}
        if data.get("schema_version") != VERSION or data.get("signature") != signature:
            return None
        return facts_from(data["sessions"])
    except (MachineError, KeyError, TypeError, AttributeError):
        return None


def _read(captures: Path) -> tuple[SessionFact, ...]:
    """One pass over the captures; the text of a session is gone when the next one is read."""
    rows = [(fact, parent) for fact, parent in map(_fact, CaptureStream(captures))]
    roots = family_roots({fact["session_id"]: parent for fact, parent in rows})
    facts = [SessionFact(root=roots[fact["session_id"]], **fact) for fact, _ in rows]
    return tuple(sorted(facts, key=lambda fact: (fact.at_s, fact.session_id)))


def _fact(item: LoadedSession) -> tuple[dict[str, Any], str | None]:
    session, summary = item.session, summarize(item.session)
    start = session.turns[0].timestamp_ms
    stamps = [turn.timestamp_ms for turn in session.turns if turn.timestamp_ms is not None]
    told = max(stamps, default=0.0)
    written_s = item.found.file.path.stat().st_mtime
    fact = {
        "session_id": session.session_id,
        "content": item.key.content,
        "start_ms": start,
        "at_s": told / 1000 if told >= _EPOCH_MS else written_s,
        "turns": summary.turns,
        "deepest": summary.max_depth,
    }
    return fact, session.parent
