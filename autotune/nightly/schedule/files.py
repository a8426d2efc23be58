"""Files that a schedule consists of: written whole, put back when the scheduler refuses them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from autotune.errors import MachineError
from autotune.nightly.schedule.scheduler import Artefact
from autotune.study.files import disk_error, write_text_atomic


def write_files(artefacts: Iterable[Artefact]) -> None:
    """Writes those that are files. Raises `MachineError` when the disk refuses."""
    for artefact in artefacts:
        if artefact.is_file:
            write_text_atomic(Path(artefact.place), artefact.text, mode=artefact.mode)


@contextmanager
def put_back_on_error(paths: Sequence[Path]) -> Iterator[None]:
    """What stands at `paths` now stands there again if the block raises."""
    before = {path: _bytes(path) for path in paths}
    try:
        yield
    except BaseException:
        for path, content in before.items():
            _put(path, content)
        raise


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise disk_error(path, error) from error


def _put(path: Path, content: bytes | None) -> None:
    if content is None:
        path.unlink(missing_ok=True)
    else:
        path.write_bytes(content)


def remove_files(paths: Iterable[Path]) -> tuple[str, ...]:
    """Removes those that are there, and tells which. Raises `MachineError`."""
    gone = []
    for path in paths:
        if not path.exists() and not path.is_symlink():
            continue
        try:
            path.unlink()
        except OSError as error:
            raise MachineError(
                f"cannot remove {path}: {error.strerror}", "check the folder's permissions"
            ) from error
        gone.append(str(path))
    return tuple(gone)


def differing(artefacts: Iterable[Artefact]) -> str | None:
    """The first file that is not as installed, in words; ``None`` where all are."""
    for artefact in artefacts:
        if not artefact.is_file:
            continue
        content = _bytes(Path(artefact.place))
        if content is None:
            return f"{artefact.place} is gone"
        if content != artefact.text.encode():
            return f"{artefact.place} was changed by hand"
    return None
