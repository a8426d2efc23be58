"""What a night does to the world outside, written down before it and after it.

One JSON object a line, each on the disk before the next thing happens. A line that was not written
whole (no newline at its end) was never acted upon: readers leave it out, and the next write takes
its place.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from autotune.errors import MachineError
from autotune.study.files import disk_error, write_bytes_atomic

KEPT_LINES = 2000
"""A night writes some thirty lines: about two months."""

_OWN = ("n", "at", "kind", "of", "phase")
_MOVE_AWAY = "move it away: the live config and its generations do not depend on it"


def utc_now() -> datetime:
    """The time by the clock of this machine."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Line:
    """One line. `number` counts from 1 and never repeats.

    `phase` is ``begin`` and ``end`` of a step, and ``note`` for everything else; `of` is the number
    of the step's first line, for all that belongs to it. `at` is UTC.
    """

    number: int
    at: datetime
    kind: str
    phase: str
    of: int | None = None
    fields: Mapping[str, Any] = field(default_factory=dict)

    def get(self, name: str) -> Any:
        """A field; ``None`` where it is not."""
        return self.fields.get(name)

    def to_json(self) -> dict[str, Any]:
        """The JSON object of the line."""
        own = {"n": self.number, "at": self.at.isoformat(timespec="milliseconds")}
        return {**own, "kind": self.kind, "phase": self.phase, "of": self.of, **self.fields}


@dataclass(frozen=True, slots=True)
class Journal:
    """The journal of one target. One process writes it at a time (see `state_lock`)."""

    path: Path
    now: Callable[[], datetime] = utc_now

    def append(self, kind: str, *, of: int | None = None, **fields: Any) -> Line:
        """A line that is no step of its own; on the disk when this returns.

        Raises `MachineError` when the disk refuses; the journal is then as it was.
        """
        return self._write(kind, "note", of, fields)

    def begin(self, kind: str, **fields: Any) -> Line:
        """The first line of a step: what is about to be done."""
        return self._write(kind, "begin", None, fields)

    def end(self, step: Line, **fields: Any) -> Line:
        """The last line of a step: it was done, and what came of it."""
        return self._write(step.kind, "end", step.number, fields)

    def lines(self) -> tuple[Line, ...]:
        """Every whole line. Raises `MachineError` for one that is whole and cannot be read."""
        return tuple(_parsed(self.path, self._whole()))

    def open_steps(self) -> tuple[Line, ...]:
        """The first lines of the steps that did not end, the oldest first."""
        return open_steps(self.lines())

    def of(self, step: Line, kind: str) -> tuple[Line, ...]:
        """The notes of one kind that belong to a step."""
        return tuple(line for line in self.lines() if line.of == step.number and line.kind == kind)

    def compact(self, keep: int = KEPT_LINES) -> int:
        """Drops the oldest lines beyond `keep` once all steps have ended; how many were dropped."""
        lines = self.lines()
        if len(lines) <= keep or open_steps(lines):
            return 0
        write_bytes_atomic(self.path, b"".join(map(_data, lines[-keep:])))
        return len(lines) - keep

    def _write(self, kind: str, phase: str, of: int | None, fields: Mapping[str, Any]) -> Line:
        if mixed := fields.keys() & set(_OWN):
            raise ValueError(f"the journal's own: {', '.join(sorted(mixed))}")
        whole = self._whole()
        last = next(_parsed(self.path, whole, last_only=True), None)
        number = 1 if last is None else last.number + 1
        line = Line(number, self.now(), kind, phase, of, dict(fields))
        try:
            _put(self.path, len(whole), _data(line))
        except OSError as error:
            raise disk_error(self.path, error) from error
        return line

    def _whole(self) -> bytes:
        """What is there, without a line that was cut short."""
        try:
            data = self.path.read_bytes()
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise MachineError(
                f"cannot read {self.path}: {error.strerror}", "check its permissions"
            ) from error
        return data[: data.rfind(b"\n") + 1]


def open_steps(lines: tuple[Line, ...]) -> tuple[Line, ...]:
    """Those of `lines` that begin a step that does not end among them."""
    ended = {line.of for line in lines if line.phase == "end"}
    return tuple(line for line in lines if line.phase == "begin" and line.number not in ended)


def _data(line: Line) -> bytes:
    return json.dumps(line.to_json(), ensure_ascii=False).encode() + b"\n"


def _put(path: Path, at: int, data: bytes) -> None:
    """`data` after the first `at` bytes, and on the disk; nothing of it when that fails."""
    fresh = not path.exists()
    path.parent.mkdir(parents=True, exist_ok=True)
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        os.ftruncate(handle, at)
        _write_whole(handle, at, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    if fresh:
        sync_folder(path.parent)


def _write_whole(handle: int, at: int, data: bytes) -> None:
    left = memoryview(data)
    try:
        while left:
            left = left[os.write(handle, left) :]
    except OSError:
        os.ftruncate(handle, at)
        raise


def sync_folder(folder: Path) -> None:
    """Puts the names in `folder` on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _parsed(path: Path, whole: bytes, *, last_only: bool = False) -> Iterator[Line]:
    texts = whole.split(b"\n")[:-1]
    first = max(0, len(texts) - 1) if last_only else 0
    for at, text in enumerate(texts[first:], first + 1):
        try:
            yield _line(json.loads(text))
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise MachineError(f"{path} is damaged in line {at}: {error}", _MOVE_AWAY) from None


def _line(data: dict[str, Any]) -> Line:
    fields = {name: value for name, value in data.items() if name not in _OWN}
    at = datetime.fromisoformat(data["at"])
    return Line(int(data["n"]), at, data["kind"], data["phase"], data["of"], fields)
