"""Optuna's artifact stores as they are used here: whole or not there, faults in two lines."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from autotune.errors import MachineError, UserError
from autotune.study.files import disk_error

if TYPE_CHECKING:
    from optuna.artifacts import FileSystemArtifactStore


class GuardedBody:
    """What is read of a stored artefact; `faults` turns what breaks meanwhile into two lines."""

    def __init__(self, body: BinaryIO, faults: Callable[[], AbstractContextManager[None]]) -> None:
        self._body, self._faults = body, faults

    def __enter__(self) -> GuardedBody:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; all that is left for a negative one."""
        with self._faults():
            return self._body.read() if size < 0 else self._body.read(size)

    def close(self) -> None:
        """Let go of the file or the connection."""
        self._body.close()


class FolderStore:
    """A folder that every host sees, in the layout of Optuna's ``FileSystemArtifactStore``.

    Optuna writes a file in its place; here it is written beside it, synced and renamed, so that
    a reader on another host never finds half of one. Raises `MachineError` when the disk refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._inner = _file_system(folder)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The artefact, open for reading. Raises Optuna's ``ArtifactNotFound``."""
        with self._faults("read"):
            body = self._inner.open_reader(artifact_id)
        return cast("BinaryIO", GuardedBody(body, lambda: self._faults("read")))

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Put the artefact there, whole, or leave nothing."""
        try:
            self._write(artifact_id, content_body)
        except OSError as error:
            raise disk_error(self._folder, error) from error

    def remove(self, artifact_id: str) -> None:
        """Take the artefact away. Raises Optuna's ``ArtifactNotFound``."""
        with self._faults("change"):
            self._inner.remove(artifact_id)

    def _write(self, artifact_id: str, content_body: BinaryIO) -> None:
        path = self._folder / artifact_id
        handle, name = tempfile.mkstemp(dir=self._folder, prefix=".part-")
        part = Path(name)
        try:
            with os.fdopen(handle, "wb") as out:
                shutil.copyfileobj(content_body, out)
                out.flush()
                os.fsync(out.fileno())
            # Made for its owner alone; a shared folder is read by whom its own mode lets in.
            part.chmod(0o644)
            part.replace(path)
        except OSError:
            part.unlink(missing_ok=True)
            raise

    @contextmanager
    def _faults(self, doing: str) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise MachineError(
                f"cannot {doing} the artefacts in {self._folder}: {error.strerror}",
                "check that the folder is mounted here, and its permissions",
            ) from error


def _file_system(folder: Path) -> FileSystemArtifactStore:
    from optuna.artifacts import FileSystemArtifactStore

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(
            f"the artefacts cannot be kept in {folder}: {error.strerror}",
            "give a folder that every host sees and may write: --artifacts PATH",
        ) from error
    return FileSystemArtifactStore(folder)
