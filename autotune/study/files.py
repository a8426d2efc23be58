"""Durable small files: what is on disk is either the old content or the new, never half of it."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from autotune.errors import MachineError

_RESTORE = "restore it or start a new study"


def disk_error(path: Path, error: OSError) -> MachineError:
    """A write that the disk refused, as an error that says what to do next."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return MachineError(
            f"cannot write {path}: the disk is full",
            "free some space and run the same command again: it continues where it stopped",
        )
    return MachineError(f"cannot write {path}: {error.strerror}", "check the folder's permissions")


def write_text_atomic(path: Path, text: str, *, mode: int = 0o644) -> None:
    """`write_bytes_atomic` of `text` in UTF-8."""
    write_bytes_atomic(path, text.encode(), mode=mode)


def write_bytes_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace `path` by `data`: temporary file, fsync, rename, fsync of the folder.

    Raises `MachineError` when the disk refuses; `path` is then as it was.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        temporary = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                out.write(data)
                out.flush()
                os.fsync(out.fileno())
            temporary.chmod(mode)
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise disk_error(path, error) from error


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def write_json(path: Path, data: Mapping[str, Any]) -> None:
    """`data` as an indented JSON document. Raises `MachineError` when the disk refuses."""
    write_text_atomic(path, json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> dict[str, Any] | None:
    """The JSON object in `path`, or ``None`` if there is no such file.

    Raises `MachineError` when it is there and is not a JSON object.
    """
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise MachineError(f"{path} is damaged: {error}", _RESTORE) from None
    if not isinstance(data, dict):
        raise MachineError(f"{path} does not hold a JSON object", _RESTORE)
    return data
