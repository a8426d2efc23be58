"""Turn records, logs and reports of a shared study, through Optuna's artifact store.

What is stored lies under an id; what it is called, and its digest, are one attribute of the study
in the form of Optuna's own, so that `optuna.artifacts` and optuna-dashboard find it too. Optuna
writes that attribute before the file (`optuna.artifacts.upload_artifact`); here it comes after it,
so that an artefact with a name is there, whole, whoever is lost meanwhile.
"""

from __future__ import annotations

import hashlib
import json
import mimetypes
import os
import tempfile
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Protocol, cast

from autotune.errors import AutotuneError, MachineError, UserError
from autotune.study.files import disk_error
from autotune.team.artefact_names import is_safe, safe_name
from autotune.team.artefact_stores import FolderStore
from autotune.team.artifacts_url import ArtifactsUrl, parse_artifacts
from autotune.team.bucket_store import BucketStore

if TYPE_CHECKING:
    from optuna import Study
    from optuna.artifacts._protocol import ArtifactStore

__all__ = ["Artefacts", "ArtifactsUrl", "open_artefacts", "parse_artifacts"]

_PREFIX = "artifacts:"
"""Of the attributes in which Optuna keeps what it knows of an artefact."""

_STORE = "artefact-store:"
_CHUNK = 1 << 20
_IN_MEMORY_BYTES = 16 << 20


class Artefacts(Protocol):
    """Files of a study that every worker can read, under names such as ``turns/w1/a.jsonl.gz``."""

    def put(self, study: Study, path: Path, name: str) -> str:
        """Store the file at `path` as `name`; its id. The same content again stores nothing.

        Other content takes the place of what `name` meant before. Raises `UserError` and
        `MachineError`; what was there before is then still there.
        """
        ...

    def get(self, name: str, to: Path) -> None:
        """Write the artefact to `to`, which is replaced whole. Raises `MachineError`."""
        ...

    def names(self, study: Study) -> list[str]:
        """What has been stored whole, sorted."""
        ...


@dataclass(frozen=True, slots=True)
class _Entry:
    """One stored artefact. `revision` counts what a name has meant, from 1."""

    id: str
    name: str
    sha256: str
    bytes: int
    revision: int


@dataclass(slots=True)
class _Kept:
    """`Artefacts` in an Optuna store."""

    url: ArtifactsUrl
    study: Study
    store: ArtifactStore
    known: dict[str, _Entry] = field(default_factory=dict)

    def put(self, study: Study, path: Path, name: str) -> str:
        """See `Artefacts.put`."""
        safe_name(name)
        with _snapshot(path) as (body, sha256, size):
            before = _entries(study).get(name)
            if before is not None and before.sha256 == sha256:
                return before.id
            revision = 1 if before is None else before.revision + 1
            entry = _Entry(str(uuid.uuid4()), name, sha256, size, revision)
            _write(self.store, entry.id, body)
        _publish(study, entry)
        return entry.id

    def get(self, name: str, to: Path) -> None:
        """See `Artefacts.get`."""
        entry = self._entry(name)
        try:
            to.parent.mkdir(parents=True, exist_ok=True)
            handle, part = tempfile.mkstemp(dir=to.parent, prefix=f".{to.name}.")
        except OSError as error:
            raise disk_error(to, error) from error
        try:
            self._fetch(entry, handle, to)
            Path(part).chmod(0o644)
            Path(part).replace(to)
        except OSError as error:
            raise disk_error(to, error) from error
        finally:
            Path(part).unlink(missing_ok=True)

    def names(self, study: Study) -> list[str]:
        """See `Artefacts.names`."""
        return sorted(_entries(study))

    def _entry(self, name: str) -> _Entry:
        if name not in self.known:
            self.known = _entries(self.study)
        if name not in self.known:
            raise MachineError(
                f"study {self.study.study_name} has no artefact {name}",
                "its worker has not stored it; check that all workers have the same --artifacts",
            )
        return self.known[name]

    def _fetch(self, entry: _Entry, handle: int, to: Path) -> None:
        digest, size = hashlib.sha256(), 0
        with os.fdopen(handle, "wb") as out, _reader(self.store, entry, self.url) as source:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                size += len(chunk)
                out.write(chunk)
            out.flush()
            os.fsync(out.fileno())
        if (digest.hexdigest(), size) != (entry.sha256, entry.bytes):
            raise MachineError(
                f"the artefact {entry.name} in {self.url} is not what was stored: "
                f"{size} bytes instead of {entry.bytes}, or other ones",
                f"restore it there (object {entry.id}), or go on without {to.name}",
            )


def open_artefacts(
    url: str | ArtifactsUrl, study: Study, env: Mapping[str, str] | None = None
) -> Artefacts:
    """The artefacts of `study` at `url`: a folder, ``file://`` or ``s3://bucket/prefix``.

    Keys of a bucket are taken from `env`, which is the process's environment unless given. Raises
    `UserError` where there is no such place, where the keys do not open it, and where the study's
    artefacts are kept elsewhere: a share that is not mounted on this host is not written to.
    """
    place = parse_artifacts(url) if isinstance(url, str) else url
    store: ArtifactStore
    if place.folder is not None:
        store = FolderStore(place.folder)
    else:
        store = BucketStore(place, os.environ if env is None else env)
    _check_same_store(study, store, place)
    return _Kept(place, study, store)


def _check_same_store(study: Study, store: ArtifactStore, url: ArtifactsUrl) -> None:
    """Every worker leaves a mark in the store or finds those of the others there."""
    if not _marks(study):
        mark = f"store-{uuid.uuid4()}"
        with tempfile.TemporaryFile() as body:
            body.write(f"artefacts of {study.study_name}\n".encode())
            body.seek(0)
            _write(store, mark, cast("BinaryIO", body))
        study.set_user_attr(f"{_STORE}{mark}", str(url))
    # Read again: two that were first at once find each other's.
    for mark, place in _marks(study).items():
        if not _is_there(store, mark):
            raise UserError(
                f"{url} is not where the artefacts of study {study.study_name} are kept "
                f"(it began in {place})",
                "mount the same folder on this host, or give every worker the same --artifacts",
            )


def _marks(study: Study) -> dict[str, str]:
    attrs = study.user_attrs
    return {key.removeprefix(_STORE): attrs[key] for key in attrs if key.startswith(_STORE)}


def _is_there(store: ArtifactStore, artifact_id: str) -> bool:
    from optuna.artifacts.exceptions import ArtifactNotFound

    try:
        store.open_reader(artifact_id).close()
    except ArtifactNotFound:
        return False
    return True


@contextmanager
def _snapshot(path: Path) -> Iterator[tuple[BinaryIO, str, int]]:
    """A copy of the file as it is now, its sha256 and its size: a log may still grow."""
    digest, size = hashlib.sha256(), 0
    with tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY_BYTES) as copy:
        try:
            with path.open("rb") as source:
                while chunk := source.read(_CHUNK):
                    digest.update(chunk)
                    size += copy.write(chunk)
            copy.seek(0)
        except OSError as error:
            raise MachineError(
                f"cannot copy {path} to the artefacts: {error.strerror}",
                "check that it is there and that the disk has room",
            ) from error
        yield cast("BinaryIO", copy), digest.hexdigest(), size


def _write(store: ArtifactStore, artifact_id: str, body: IO[bytes]) -> None:
    """Store it, or leave nothing of it behind as far as that can be helped."""
    try:
        store.write(artifact_id, cast("BinaryIO", body))
    except AutotuneError:
        with suppress(AutotuneError):
            _remove_quietly(store, artifact_id)
        raise


def _remove_quietly(store: ArtifactStore, artifact_id: str) -> None:
    from optuna.artifacts.exceptions import ArtifactNotFound

    with suppress(ArtifactNotFound):
        store.remove(artifact_id)


@contextmanager
def _reader(store: ArtifactStore, entry: _Entry, url: ArtifactsUrl) -> Iterator[BinaryIO]:
    from optuna.artifacts.exceptions import ArtifactNotFound

    try:
        source = store.open_reader(entry.id)
    except ArtifactNotFound:
        raise MachineError(
            f"the artefact {entry.name} is gone from {url} (object {entry.id})",
            "restore it there; it was whole when it was stored",
        ) from None
    with source:
        yield source


def _publish(study: Study, entry: _Entry) -> None:
    """Make a stored artefact known: one attribute, so that it is known whole or not at all.

    The call is a private one of Optuna's: the public one writes the attribute before the file.
    """
    filename = entry.name.rpartition("/")[2]
    mimetype, encoding = mimetypes.guess_type(filename)
    row = {
        "artifact_id": entry.id,
        "filename": filename,
        "mimetype": mimetype or "application/octet-stream",
        "encoding": encoding,
        "name": entry.name,
        "sha256": entry.sha256,
        "bytes": entry.bytes,
        "revision": entry.revision,
    }
    study._storage.set_study_system_attr(study._study_id, f"{_PREFIX}{entry.id}", json.dumps(row))


def _entries(study: Study) -> dict[str, _Entry]:
    """The newest of each name; what others stored under no name of ours, or an unsafe one, is
    passed over."""
    attrs = study._storage.get_study_system_attrs(study._study_id)
    rows = (value for key, value in attrs.items() if key.startswith(_PREFIX))
    newest: dict[str, _Entry] = {}
    for entry in filter(None, map(_entry_of, rows)):
        held = newest.get(entry.name)
        if held is None or (held.revision, held.id) < (entry.revision, entry.id):
            newest[entry.name] = entry
    return newest


def _entry_of(value: Any) -> _Entry | None:
    """The entry that an attribute holds; ``None`` for one that `put` cannot have written."""
    try:
        row = json.loads(value)
        entry = _Entry(
            str(uuid.UUID(row["artifact_id"])),
            row["name"],
            row["sha256"],
            int(row["bytes"]),
            int(row["revision"]),
        )
    except (AttributeError, TypeError, ValueError, KeyError):
        return None
    return entry if isinstance(entry.name, str) and is_safe(entry.name) else None
