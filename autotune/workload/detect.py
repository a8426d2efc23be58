"""Which files hold captures, and in which format: by evidence, never by guess."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.lines import CaptureFile, open_capture, read_objects
from autotune.workload.readers import READERS, Reader
from autotune.workload.writer import manifest_files

SAMPLE_LINES = 50
"""Parseable lines that decide the format of a file."""

_SUFFIXES = (".jsonl", ".ndjson")
_PACKED = (".gz", ".zst", ".zstd")
_PASSED_OVER = frozenset({".git", "node_modules", "__pycache__"})
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Found:
    """A capture file and the reader that its lines speak for."""

    file: CaptureFile
    reader: Reader


def known_formats() -> str:
    """The formats that can be read, for messages."""
    return ", ".join(READERS)


def detect(file: CaptureFile) -> Reader | None:
    """The reader that most of the first `SAMPLE_LINES` objects of `file` are evidence for.

    ``None`` when no line is evidence for any. Raises `UserError` when it cannot be opened.
    """
    lines = _sample(file)
    votes = {name: sum(reader.claims(line) for line in lines) for name, reader in READERS.items()}
    best = max(votes, key=lambda name: votes[name])
    return READERS[best] if votes[best] else None


def _sample(file: CaptureFile) -> list[Mapping[str, Any]]:
    if _is_binary(file):
        return []
    with closing(read_objects(file, DamageLedger())) as objects:
        return [line.value for line in islice(objects, SAMPLE_LINES)]


def _is_binary(file: CaptureFile) -> bool:
    """Whether the start holds NUL bytes, which JSON never does: a model file, an image."""
    with open_capture(file.path) as stream:
        try:
            return b"\0" in stream.read(4096)
        except (OSError, EOFError):
            return False


def find_captures(paths: list[Path], ledger: DamageLedger) -> Iterator[Found]:
    """Every capture at `paths`; folders are searched to the bottom, in sorted order.

    A file that is named must be a capture. In a folder, a JSON-lines file of no known format is
    damage, and any other file is passed over and counted.

    Raises:
        UserError: a path does not exist, or a named file has no known format.
    """
    for path in paths:
        if path.is_dir():
            yield from _in_folder(path, ledger)
        else:
            yield _named(path)


def _named(path: Path) -> Found:
    if not path.exists():
        raise UserError(f"there is no {path}", "give a capture file or a folder of captures")
    file = CaptureFile(path, path.name)
    reader = detect(file)
    if reader is None:
        raise UserError(f"{path} is not a capture that is known here", unknown_hint(file))
    return Found(file, reader)


def unknown_hint(file: CaptureFile) -> str:
    """What to do about a file of no known format, from what it does say."""
    lines = _sample(file)
    schemas = {line["schema"] for line in lines if isinstance(line.get("schema"), str)}
    if schemas:
        return f"it says schema {min(schemas)!r}; formats read here: {known_formats()}"
    if lines:
        keys = ", ".join(sorted(lines[0])[:6])
        return f"its first line has keys {keys}; formats read here: {known_formats()}"
    return f"no line of it is a JSON object; formats read here: {known_formats()}"


def _in_folder(root: Path, ledger: DamageLedger) -> Iterator[Found]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(set(names) - _PASSED_OVER)
        here = Path(folder)
        _check_manifest(here, root, ledger)
        for name in sorted(files):
            found = _candidate(here / name, root, ledger)
            if found:
                yield found


def _check_manifest(folder: Path, root: Path, ledger: DamageLedger) -> None:
    """A file that a manifest lists and that is not there is a session lost."""
    for name in manifest_files(folder):
        if not (folder / name).is_file():
            where = str((folder / _MANIFEST).relative_to(root))
            ledger.add(where, DamageKind.MISSING_FILE, detail=name)


def _candidate(path: Path, root: Path, ledger: DamageLedger) -> Found | None:
    name = str(path.relative_to(root))
    if path.name == _MANIFEST:
        return None
    if not _looks_like_lines(path) or not path.is_file():
        ledger.add(str(root), DamageKind.SKIPPED_FILE, detail=name)
        return None
    file = CaptureFile(path, name)
    reader = detect(file)
    if reader is None:
        ledger.add(name, DamageKind.UNKNOWN_FORMAT, detail=unknown_hint(file))
        return None
    return Found(file, reader)


def _looks_like_lines(path: Path) -> bool:
    bare = path.with_suffix("") if path.suffix in _PACKED else path
    return bare.suffix in _SUFFIXES and not path.name.startswith(".")
