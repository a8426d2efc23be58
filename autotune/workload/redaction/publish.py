"""An output that appears under its name only when it was found to be clean."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autotune.errors import UserError
from autotune.workload.writer import CAPTURE_SUFFIXES, is_single_file, manifest_files

_MANIFEST = "manifest.json"


@contextmanager
def staged(out: Path) -> Iterator[Path]:
    """A place beside `out` to write to; it takes the place of `out` when no error left it.

    A folder takes over the captures that the manifest of `out` listed, and nothing else there.
    Raises `UserError` when it cannot be put in place; nothing is left behind by any error.
    """
    place = _beside(out)
    try:
        yield place
        _put(place, out)
    except OSError as error:
        raise UserError(
            f"cannot write {out}: {error.strerror or error}", "choose another place for the output"
        ) from error
    finally:
        if place.is_dir():
            shutil.rmtree(place)
        place.unlink(missing_ok=True)


def _beside(out: Path) -> Path:
    """A hidden name with the same ending: the ending decides how captures are written."""
    ending = next((s for s in CAPTURE_SUFFIXES[::-1] if out.name.endswith(s)), "")
    return out.with_name(f".{out.name.removesuffix(ending)}.{os.getpid()}.redacting{ending}")


def _put(place: Path, out: Path) -> None:
    if is_single_file(out):
        place.replace(out)
        return
    out.mkdir(parents=True, exist_ok=True)
    for name in manifest_files(out):
        if Path(name).name == name:
            (out / name).unlink(missing_ok=True)
    for file in sorted(place.iterdir(), key=lambda path: path.name == _MANIFEST):
        file.replace(out / file.name)
