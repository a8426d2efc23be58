"""The folder of one worker: its own turn log, engine logs and survey, and whose they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from autotune.errors import UserError
from autotune.search.home import WORKER_FILE
from autotune.study.files import read_json, write_json
from autotune.study.folder import StudyFolder
from autotune.study.lock import study_lock
from autotune.team.storage_url import StorageUrl

SCHEMA_VERSION = "worker/1"
MOST = 1000
"""Workers of one study in one directory."""


@dataclass(frozen=True, slots=True)
class WorkerFolder:
    """A folder that is kept to this process. `names` are what its workers were called, in order:
    they are dead, or this one."""

    folder: StudyFolder
    names: tuple[str, ...]

    @property
    def worker(self) -> str:
        """What the worker in it is called."""
        return self.names[-1]


@contextmanager
def worker_folder(
    studies_dir: Path, name: str, url: StorageUrl, study: str, worker: str
) -> Iterator[WorkerFolder]:
    """``studies/<name>``, or the first of name-2, name-3, ... that no other worker has.

    A worker that is started again finds its own: what it had under way is known to be dead. Raises
    `UserError` where a folder holds another study.
    """
    with ExitStack() as stack:
        for number in range(1, MOST):
            folder = StudyFolder(studies_dir / (name if number == 1 else f"{name}-{number}"))
            if not _may_be_ours(folder, url, study, number):
                continue
            try:
                stack.enter_context(study_lock(folder.lock_path))
            except UserError:
                continue
            yield _kept(folder, url, study, worker)
            return
    raise UserError(
        f"{studies_dir} holds {MOST} workers of study {study}", "give another --studies-dir"
    )


def _may_be_ours(folder: StudyFolder, url: StorageUrl, study: str, number: int) -> bool:
    """Whether it is empty or of this study; another one is passed over, unless it was named."""
    known = read_json(folder.path / WORKER_FILE)
    if known is not None and (known["storage"], known["study"]) == (str(url), study):
        return True
    if known is None and not folder.exists():
        return True
    if number > 1:
        return False
    what = "one of this machine alone" if known is None else f"of {known['storage']}"
    raise UserError(
        f"{folder.path} holds a study already, {what}",
        "name another one with --study, or keep this worker elsewhere with --studies-dir",
    )


def _kept(folder: StudyFolder, url: StorageUrl, study: str, worker: str) -> WorkerFolder:
    path = folder.path / WORKER_FILE
    names: list[str] = (read_json(path) or {}).get("workers", [])
    names = [*(n for n in names if n != worker), worker]
    write_json(
        path,
        {"schema_version": SCHEMA_VERSION, "storage": str(url), "study": study, "workers": names},
    )
    return WorkerFolder(folder, tuple(names))
