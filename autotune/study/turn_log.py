"""The turn log: one JSON line a turn, appended and flushed the moment the turn ends."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from pathlib import Path

from autotune.records import TurnRecord
from autotune.study.files import disk_error, write_text_atomic


class TurnLog:
    """Appends records to ``turns.jsonl``. A line torn by a kill is closed off on opening.

    Raises `MachineError` from `append` when the disk refuses the line.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            torn = _ends_torn(path)
            self._file = path.open("ab", buffering=0)
            if torn:
                self._file.write(b"\n")
        except OSError as error:
            raise disk_error(path, error) from error

    def append(self, record: TurnRecord) -> None:
        """One record, on disk as far as the operating system goes when this returns."""
        line = json.dumps(record.to_json(), ensure_ascii=False, separators=(",", ":")) + "\n"
        try:
            self._file.write(line.encode())
        except OSError as error:
            raise disk_error(self.path, error) from error

    def set_aside(self, arm: str, block: int, *, as_arm: str) -> int:
        """Call records of `arm` and `block` something else; how many there were.

        They stay where they are, and nothing that reads `arm` takes them for it. The file is
        written anew and put in the place of the old one, so a kill leaves one of both. Raises
        `MachineError` when the disk refuses; then all is as it was.
        """
        lines = self.path.read_bytes().splitlines(keepends=True)
        renamed = [_renamed(line, arm, block, as_arm) for line in lines]
        found = sum(line is not None for line in renamed)
        if found:
            whole = b"".join(new or old for new, old in zip(renamed, lines, strict=True))
            write_text_atomic(self.path, whole.decode(errors="replace"))
            self._file.close()
            self._file = self.path.open("ab", buffering=0)
        return found

    def close(self) -> None:
        """Flush to the disk and close."""
        try:
            os.fsync(self._file.fileno())
        except OSError:
            # A device that cannot sync has taken each line already or raised in `append`.
            pass
        finally:
            self._file.close()


def _renamed(line: bytes, arm: str, block: int, as_arm: str) -> bytes | None:
    """The line of a record of `arm` and `block` under another arm; ``None`` for other lines."""
    if arm.encode() not in line:
        return None
    try:
        data = json.loads(line)
    except json.JSONDecodeError:
        return None
    if not isinstance(data, dict) or (data.get("arm"), data.get("block")) != (arm, block):
        return None
    text = json.dumps({**data, "arm": as_arm}, ensure_ascii=False, separators=(",", ":"))
    return text.encode() + b"\n"


def _ends_torn(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) != b"\n"


def read_turns(path: Path) -> Iterator[TurnRecord]:
    """Every whole record in `path`, in order; torn lines (a kill mid-write) are passed over.

    A path that ends in ``.gz`` is unpacked.
    """
    if not path.is_file():
        return
    unpack = gzip.open if path.suffix == ".gz" else open
    with unpack(path, "rt", encoding="utf-8", errors="replace") as lines:
        for line in lines:
            record = _parse(line)
            if record is not None:
                yield record


def _parse(line: str) -> TurnRecord | None:
    try:
        data = json.loads(line)
        return TurnRecord.from_json(data) if isinstance(data, dict) else None
    except (json.JSONDecodeError, KeyError, TypeError):
        return None
