"""The files of a recording: a session or a day each, up to a size, each readable by itself."""

from __future__ import annotations

import os
import re
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from itertools import count
from pathlib import Path

from autotune.errors import UserError
from autotune.recording.lines import RecordedTurn, Written, encode_turn, note_turn

_ONLY_MINE, _MY_FOLDER = 0o600, 0o700
"""A capture holds everything that an agent saw."""

Now = Callable[[], datetime]
"""The time of day, UTC."""


class Per(StrEnum):
    """What a file holds."""

    SESSION = "session"
    DAY = "day"


@dataclass(slots=True)
class _File:
    """One file being written: `known_tools` are the tools that its lines have told of."""

    path: Path
    size: int = 0
    known_tools: set[str] = field(default_factory=set)
    closed: bool = False


@dataclass(slots=True)
class _Place:
    """Where a session is written; `parts` counts its files."""

    file: _File
    written: Written
    parts: int = 1


@dataclass(frozen=True, slots=True)
class Appended:
    """Where a turn stands: its file, and the session and turn that it is there."""

    path: Path
    session_id: str
    turn: int


@dataclass(slots=True)
class CaptureFiles:
    """Appends turns, each flushed when it is written; a file of another run is never touched.

    `limit_bytes` is the size at which a file is followed by another, in which every session is
    written whole again before its lines tell only of changes. `prepare` it first.
    """

    folder: Path
    per: Per
    limit_bytes: int
    now: Now
    _places: dict[str, _Place] = field(default_factory=dict)
    _shared: _File | None = None
    _shared_stem: str = ""

    def prepare(self) -> None:
        """Makes the folder. Raises `UserError` when nothing can be written there."""
        try:
            self.folder.mkdir(mode=_MY_FOLDER, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                pass
        except OSError as error:
            raise UserError(
                f"cannot write to {self.folder}: {error.strerror or error}",
                "give --out a folder that can be written to",
            ) from error

    def append(self, turn: RecordedTurn) -> Appended:
        """Writes the line of `turn`.

        Raises:
            OSError: it could not be written; the file is as it was, and the session's next line
                will be whole.
        """
        place = self._place(turn)
        line = encode_turn(turn, place.written, place.file.known_tools)
        if place.file.size and place.file.size + len(line) > self.limit_bytes:
            place = self._roll(turn, place)
            line = encode_turn(turn, place.written, place.file.known_tools)
        try:
            _append(place.file, line)
        except FileNotFoundError:
            place = self._roll(turn, place)
            line = encode_turn(turn, place.written, place.file.known_tools)
            _append(place.file, line)
        except OSError:
            self._lost(turn, place)
            raise
        note_turn(turn, place.written, place.file.known_tools)
        written = place.written
        return Appended(place.file.path, written.session_id, written.turns - 1)

    def _lost(self, turn: RecordedTurn, place: _Place) -> None:
        """The line is not there: the next one must not build on it; an empty file goes away."""
        place.written.turns += 1
        place.written.fingerprint = None
        if place.file.size == 0:
            place.file.closed = True
            place.file.path.unlink(missing_ok=True)
            if place.parts == 1:
                self.forget(turn.session_id)

    def forget(self, session_id: str) -> None:
        """No more turns of this session will come."""
        self._places.pop(session_id, None)

    def _place(self, turn: RecordedTurn) -> _Place:
        place = self._places.get(turn.session_id)
        if place is None:
            place = _Place(self._file(turn), Written(turn.session_id))
            self._places[turn.session_id] = place
        return place

    def _roll(self, turn: RecordedTurn, place: _Place) -> _Place:
        """The session goes on in another file, there under a name of its own."""
        place.file.closed = True
        place.parts += 1
        place.file = self._file(turn)
        place.written = Written(f"{turn.session_id}.part{place.parts}")
        return place

    def _file(self, turn: RecordedTurn) -> _File:
        """An open file for a session's next line: the day's, or a new one."""
        if self.per is Per.SESSION:
            return self._new(f"{self.now():%Y%m%dT%H%M%SZ}-{_slug(turn.session_id)}")
        stem = f"{self.now():%Y-%m-%d}"
        if self._shared is None or self._shared.closed or self._shared_stem != stem:
            self._shared, self._shared_stem = self._new(stem), stem
        return self._shared

    def _new(self, stem: str) -> _File:
        """A file that nobody has: the first free number behind `stem`."""
        for number in count(1):
            name = f"{stem}.jsonl" if number == 1 else f"{stem}.{number}.jsonl"
            path = self.folder / name
            try:
                os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _ONLY_MINE))
            except FileExistsError:
                continue
            return _File(path)
        raise AssertionError


def _append(file: _File, line: bytes) -> None:
    """All of `line` at the end of `file`, or none of it."""
    target = os.open(file.path, os.O_WRONLY | os.O_APPEND)
    try:
        _write_all(target, line)
    except OSError:
        os.ftruncate(target, file.size)
        raise
    finally:
        os.close(target)
    file.size += len(line)


def _write_all(target: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(target, view) :]


def _slug(session_id: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", session_id)[:60].strip(".-") or "session"
