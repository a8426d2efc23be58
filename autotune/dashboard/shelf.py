"""Artifacts: files that the dashboard offers, made in the moment when somebody opens one."""

from __future__ import annotations

import io
import json
import mimetypes
import threading
import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

_KINDS = {
    ".log": "text/plain; charset=utf-8",
    ".sh": "text/plain; charset=utf-8",
    ".json": "application/json",
    ".html": "text/html; charset=utf-8",
    ".svg": "image/svg+xml",
    ".csv": "text/csv; charset=utf-8",
}
_PREFIX = "artifacts:"
"""Of the attribute that names an artifact (``optuna.artifacts``)."""


@dataclass(frozen=True, slots=True)
class Artifact:
    """One file. `owner` tells apart those of one name; `read` makes its bytes."""

    owner: str
    filename: str
    read: Callable[[], bytes]

    @property
    def artifact_id(self) -> str:
        """The same as long as its owner and name are: an address that can be kept."""
        return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.owner}/{self.filename}"))

    @property
    def kind(self) -> str:
        """Its media type, by its name's ending."""
        ending = Path(self.filename).suffix
        return _KINDS.get(ending) or mimetypes.guess_type(self.filename)[0] or "text/plain"


def artifact_attrs(artifacts: Iterable[Artifact]) -> dict[str, str]:
    """System attributes that name `artifacts`, as ``optuna.artifacts`` writes them."""
    return {_PREFIX + one.artifact_id: _meta(one) for one in artifacts}


def _meta(one: Artifact) -> str:
    return json.dumps(
        {
            "artifact_id": one.artifact_id,
            "filename": one.filename,
            "mimetype": one.kind,
            "encoding": None,
        }
    )


class Shelf:
    """Optuna's artifact store over what was put on it; nothing can be written or removed."""

    def __init__(self) -> None:
        self._found: dict[str, Artifact] = {}
        self._lock = threading.Lock()

    def put(self, artifacts: Iterable[Artifact]) -> None:
        """Offers `artifacts`, in the place of those of the same owner and name."""
        with self._lock:
            self._found.update((one.artifact_id, one) for one in artifacts)

    def open_reader(self, artifact_id: str) -> BinaryIO:
        """The file's bytes. Raises ``ArtifactNotFound`` for one that is not offered."""
        with self._lock:
            found = self._found.get(artifact_id)
        if found is None:
            raise _not_found(artifact_id)
        return io.BytesIO(found.read())

    def write(self, artifact_id: str, content_body: BinaryIO) -> None:
        """Raises ``ArtifactNotFound``: nothing is kept."""
        raise _not_found(artifact_id)

    def remove(self, artifact_id: str) -> None:
        """Raises ``ArtifactNotFound``: nothing is removed."""
        raise _not_found(artifact_id)


def _not_found(artifact_id: str) -> Exception:
    from optuna.artifacts.exceptions import ArtifactNotFound

    return ArtifactNotFound(artifact_id)
