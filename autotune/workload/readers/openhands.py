"""OpenHands runs: ``output.jsonl`` of its benchmarks, and ``events/`` folders of its sessions.

Both hold events, not requests. Where ``log_completions`` was on, the requests lie in a folder of
their own (`openhands_completions`), which is exact.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from autotune.workload.damage import DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, read_objects
from autotune.workload.model import Session
from autotune.workload.readers.base import file_hash
from autotune.workload.readers.names import name_of
from autotune.workload.readers.openhands_events import NAME, Conversation
from autotune.workload.readers.openhands_shape import is_event, metrics_of


class OpenHandsReader:
    """Reads benchmark outputs, one instance a line, and folders of events, one a file."""

    name = NAME
    description = "OpenHands runs: output.jsonl of a benchmark, or a session's events folder"

    def claims(self, line: Mapping[str, Any]) -> bool:
        """The line is an instance with its history."""
        return "instance_id" in line and isinstance(line.get("history"), list)

    def claims_folder(self, folder: Path, names: Sequence[str]) -> bool:
        """The folder is called ``events`` and its numbered files hold events."""
        numbered = [name for name in names if _number(name) is not None]
        if folder.name != "events" or not numbered:
            return False
        first = CaptureFile(folder / min(numbered, key=_order), "")
        return is_event(read_document(first, DamageLedger()))

    def read(self, file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
        """One session an instance or folder, then those it delegated to."""
        if file.path.is_dir():
            yield from _from_folder(file, ledger)
            return
        digest = file_hash(file.path)
        for line in read_objects(file, ledger):
            known = name_of(line.value.get("instance_id"))
            conversation = Conversation(
                file.name, ledger, digest, line.number, metrics_of(line.value.get("metrics"))
            )
            session_id = known or f"{NAME}-{digest[7:19]}-{line.number}"
            yield from conversation.sessions(session_id, _flat(line.value.get("history")))


def _flat(history: Any) -> Iterator[Any]:
    """Events in their order. Early outputs hold pairs of an action and what came of it."""
    for item in history if isinstance(history, list) else ():
        if isinstance(item, list):
            yield from item
        else:
            yield item


def _number(name: str) -> int | None:
    stem, dot, suffix = name.partition(".")
    return int(stem) if dot and suffix == "json" and stem.isdecimal() and len(stem) < 12 else None


def _order(name: str) -> int:
    return _number(name) or 0


def _from_folder(file: CaptureFile, ledger: DamageLedger) -> Iterator[Session]:
    names = [path.name for path in file.path.iterdir() if _number(path.name) is not None]
    paths = [file.path / name for name in sorted(names, key=_order)]
    digest = hashlib.sha256("".join(file_hash(path) for path in paths).encode()).hexdigest()
    conversation = Conversation(file.name, ledger, f"sha256:{digest}")
    session_id = file.path.resolve().parent.name or f"{NAME}-{digest[:12]}"
    yield from conversation.sessions(session_id, _events(paths, file, ledger))


def _events(paths: list[Path], file: CaptureFile, ledger: DamageLedger) -> Iterator[Any]:
    for path in paths:
        event = read_document(CaptureFile(path, f"{file.name}/{path.name}"), ledger)
        if event is not None:
            yield event
