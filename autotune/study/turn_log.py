"""The turn log: one JSON line a turn, appended and flushed the moment the turn ends."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

from autotune.records import TurnRecord
from autotune.study.files import disk_error


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

    def close(self) -> None:
        """Flush to the disk and close."""
        try:
            os.fsync(self._file.fileno())
        except OSError:
            # A device that cannot sync has taken each line already or raised in `append`.
            pass
        finally:
            self._file.close()


def _ends_torn(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as handle:
        handle.seek(-1, os.SEEK_END)
        return handle.read(1) != b"\n"


def read_turns(path: Path) -> Iterator[TurnRecord]:
    """Every whole record in `path`, in order; torn lines (a kill mid-write) are passed over."""
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as lines:
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
