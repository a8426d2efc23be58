"""Which files hold captures, and in which format: by evidence, never by guess."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from autotune.errors import UserError
from autotune.workload.beside import best_of_each_run
from autotune.workload.damage import DamageKind, DamageLedger
from autotune.workload.document import read_document
from autotune.workload.lines import CaptureFile, open_capture, read_objects
from autotune.workload.readers import (
    DOCUMENT_READERS,
    FOLDER_READERS,
    LINE_READERS,
    Reader,
)
from autotune.workload.readers.agentperf import manifest_traces
from autotune.workload.unplayable import unplayable
from autotune.workload.writer import manifest_files

SAMPLE_LINES = 50
"""Parseable lines that decide the format of a file."""

_LINE_SUFFIXES = (".jsonl", ".ndjson")
_DOCUMENT_SUFFIXES = (".json", ".traj", ".har")
_PACKED = (".gz", ".zst", ".zstd")
_PASSED_OVER = frozenset({".git", "node_modules", "__pycache__"})
_MANIFEST = "manifest.json"


@dataclass(frozen=True, slots=True)
class Found:
    """A capture file and the reader that its lines speak for."""

    file: CaptureFile
    reader: Reader


KNOWN_FORMATS = "see what can be read with: autotune captures formats"


def detect(file: CaptureFile) -> Reader | None:
    """The reader that the contents of `file` are evidence for; its name decides what is read first.

    ``None`` when there is evidence for none. Raises `UserError` when it cannot be opened.
    """
    if _is_binary(file):
        return None
    if _bare_suffix(file.path) in _DOCUMENT_SUFFIXES:
        return _by_document(file) or _by_lines(_sample(file))
    lines = _sample(file)
    # Two lines that are objects are no document, and one may be a gigabyte.
    return _by_lines(lines) or (_by_document(file) if len(lines) < 2 else None)


def _by_lines(lines: Sequence[Mapping[str, Any]]) -> Reader | None:
    """The reader that most of the first `SAMPLE_LINES` objects speak for."""
    votes = [sum(reader.claims(line) for line in lines) for reader in LINE_READERS]
    most = max(votes)
    return LINE_READERS[votes.index(most)] if most else None


def _by_document(file: CaptureFile) -> Reader | None:
    """The first reader that claims the file as a whole; one of many lines is no document."""
    document = read_document(file, DamageLedger())
    if document is None:
        return None
    return next((r for r in DOCUMENT_READERS if r.claims_document(document)), None)


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
    damage, and any other file is passed over and counted. Of files that tell of one run the best is
    found.

    Raises:
        UserError: a path does not exist, or a named file has no known format.
    """
    for path in paths:
        if path.is_dir():
            yield from best_of_each_run(_in_folder(path, ledger), ledger)
        else:
            yield _named(path)


def _named(path: Path) -> Found:
    if not path.exists():
        raise UserError(f"there is no {path}", "give a capture file or a folder of captures")
    file = CaptureFile(path, path.name)
    reader = detect(file)
    if reader is None:
        known = unplayable(file)
        if known is not None:
            raise UserError(f"{path} is {known.what}, which cannot be replayed", known.way_out)
        raise UserError(f"{path} is not a capture that is known here", unknown_hint(file))
    return Found(file, reader)


def unknown_hint(file: CaptureFile) -> str:
    """What to do about a file of no known format, from what it does say."""
    lines = _sample(file)
    schemas = {line["schema"] for line in lines if isinstance(line.get("schema"), str)}
    if schemas:
        return f"it says schema {min(schemas)!r}; {KNOWN_FORMATS}"
    if lines:
        keys = ", ".join(sorted(lines[0])[:6])
        return f"its first line has keys {keys}; {KNOWN_FORMATS}"
    return f"no line of it is a JSON object; {KNOWN_FORMATS}"


def _in_folder(root: Path, ledger: DamageLedger) -> Iterator[Found]:
    for folder, names, files in os.walk(root):
        names[:] = sorted(set(names) - _PASSED_OVER)
        here = Path(folder)
        whole = next((r for r in FOLDER_READERS if r.claims_folder(here, sorted(files))), None)
        if whole is not None:
            yield Found(CaptureFile(here, _name_in(here, root)), whole)
            names.clear()  # what lies below is part of it
            continue
        _check_manifest(here, root, ledger)
        for name in sorted(files):
            found = _candidate(here / name, root, ledger)
            if found:
                yield found


def _check_manifest(folder: Path, root: Path, ledger: DamageLedger) -> None:
    """A file that a manifest lists and that is not there is a session lost."""
    for name in (*manifest_files(folder), *manifest_traces(folder)):
        if not (folder / name).is_file():
            where = str((folder / _MANIFEST).relative_to(root))
            ledger.add(where, DamageKind.MISSING_FILE, detail=name)


def _candidate(path: Path, root: Path, ledger: DamageLedger) -> Found | None:
    name = str(path.relative_to(root))
    if path.name == _MANIFEST:
        return None
    suffix = _bare_suffix(path)
    known = (*_LINE_SUFFIXES, *_DOCUMENT_SUFFIXES)
    if suffix not in known or path.name.startswith(".") or not path.is_file():
        ledger.add(str(root), DamageKind.SKIPPED_FILE, detail=name)
        return None
    if _is_packed_copy(path):
        ledger.add(name, DamageKind.DUPLICATE_SESSION, detail="the plain file beside it is read")
        return None
    file = CaptureFile(path, name)
    reader = detect(file)
    if reader is not None:
        return Found(file, reader)
    refused = unplayable(file)
    if refused is not None and not refused.of_folder:
        detail = f"{refused.what}: {refused.way_out}"
        ledger.add(name, DamageKind.UNKNOWN_FORMAT, detail=detail)
    elif suffix in _LINE_SUFFIXES and refused is None:
        ledger.add(name, DamageKind.UNKNOWN_FORMAT, detail=unknown_hint(file))
    else:
        # A folder of captures holds settings and reports too; most JSON files are no capture.
        ledger.add(str(root), DamageKind.SKIPPED_FILE, detail=name)
    return None


def _is_packed_copy(path: Path) -> bool:
    """Whether the same file lies beside it unpacked, where an agent goes on writing."""
    return path.suffix in _PACKED and path.with_suffix("").is_file()


def _bare_suffix(path: Path) -> str:
    """The suffix below that of a compression, in lower case."""
    bare = path.with_suffix("") if path.suffix in _PACKED else path
    return bare.suffix.lower()


def _name_in(folder: Path, root: Path) -> str:
    return root.name if folder == root else str(folder.relative_to(root))
