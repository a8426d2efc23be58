"""Capture files in, one `Workload` out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from autotune.errors import UserError
from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.detect import KNOWN_FORMATS, Found, find_captures
from autotune.workload.digest import SessionKey, session_key, workload_digest
from autotune.workload.model import Session, Workload
from autotune.workload.repeats import RepeatedRequests


@dataclass(frozen=True, slots=True)
class LoadedSession:
    """One session as it was read, the file it came from and its key."""

    session: Session
    found: Found
    key: SessionKey


@dataclass(slots=True)
class CaptureStream:
    """Sessions of any number of captures, one at a time; `ledger` fills as they pass.

    Memory is bounded by one file's open sessions, plus a hash for every session seen.
    """

    paths: Path | Sequence[Path]
    ledger: DamageLedger = field(default_factory=DamageLedger)
    _seen: dict[str, str] = field(default_factory=dict)
    _repeats: RepeatedRequests = field(default_factory=RepeatedRequests)

    def __iter__(self) -> Iterator[LoadedSession]:
        """Every session once.

        Raises:
            UserError: a path is missing or of no known format, or nothing could be read.
        """
        for found in find_captures(_listed(self.paths), self.ledger):
            for told in found.reader.read(found.file, self.ledger):
                session = self._told_once(told, found)
                loaded = self._unique(session, found) if session else None
                if loaded is not None:
                    yield loaded
        if not self._seen:
            raise self._nothing_read()

    def _told_once(self, session: Session, found: Found) -> Session | None:
        """`session` without the requests that files before have told of."""
        fresh = self._repeats.without(session)
        left = len(fresh.turns) if fresh else 0
        if left < len(session.turns):
            detail = f"{len(session.turns) - left} of {len(session.turns)} turns, read elsewhere"
            self.ledger.add(found.file.name, DamageKind.REPEATED_REQUESTS, detail=detail)
        return fresh

    def _unique(self, session: Session, found: Found) -> LoadedSession | None:
        """`session` under an id of its own; the same session a second time is dropped."""
        key = session_key(session)
        known = self._seen.get(session.session_id)
        if known is None:
            self._seen[session.session_id] = key.content
            return LoadedSession(session, found, key)
        name = found.file.name
        if known == key.content:
            self.ledger.add(name, DamageKind.DUPLICATE_SESSION, detail="read once")
            return None
        renamed = _renamed(session, f"{session.session_id}~{key.content[:8]}")
        if renamed.session_id in self._seen:
            self.ledger.add(name, DamageKind.DUPLICATE_SESSION, detail="read once")
            return None
        detail = f"another session has that id; kept as {renamed.session_id}"
        self.ledger.add(name, DamageKind.SHARED_SESSION_ID, detail=detail)
        self._seen[renamed.session_id] = key.content
        return LoadedSession(renamed, found, session_key(renamed))

    def _nothing_read(self) -> UserError:
        where = ", ".join(str(path) for path in _listed(self.paths))
        damage = self.ledger.entries()
        worst = next((d for d in damage if d.kind != DamageKind.SKIPPED_FILE), None)
        reason = f"; {worst.file}: {worst.kind} x {worst.count}" if worst else ""
        return UserError(
            f"nothing could be read from {where}{reason}",
            f"give captures of a known format; {KNOWN_FORMATS}",
        )


def load_workload(paths: Path | Sequence[Path]) -> Workload:
    """Every session of the captures at `paths` (files or folders), in the order they started.

    Raises:
        UserError: a path is missing, a named file has no known format, or nothing was readable.
    """
    stream = CaptureStream(paths)
    return loaded_workload(stream, stream.ledger)


def loaded_workload(items: Iterable[LoadedSession], ledger: DamageLedger) -> Workload:
    """A workload of these sessions, in the order they started, with the damage of reading them."""
    loaded = sorted(items, key=lambda item: item.key)
    return Workload(
        sessions=tuple(item.session for item in loaded),
        digest=workload_digest(item.key for item in loaded),
        formats=tuple(sorted({item.found.reader.name for item in loaded})),
        damage=ledger.entries(),
    )


def workload_of(
    sessions: Sequence[Session], formats: tuple[str, ...] = (), like: Workload | None = None
) -> Workload:
    """A workload of `sessions`, ordered and digested; formats and damage as in `like`."""
    keyed = sorted(((session_key(s), s) for s in sessions), key=lambda pair: pair[0])
    return Workload(
        sessions=tuple(session for _, session in keyed),
        digest=workload_digest(key for key, _ in keyed),
        formats=like.formats if like else formats,
        damage=like.damage if like else (),
    )


def _listed(paths: Path | Sequence[Path]) -> list[Path]:
    return [paths] if isinstance(paths, Path) else list(paths)


def _renamed(session: Session, session_id: str) -> Session:
    turns = tuple(replace(turn, session_id=session_id) for turn in session.turns)
    return replace(session, session_id=session_id, turns=turns)
