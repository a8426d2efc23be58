"""One worker a study: a lock that dies with its process."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from autotune.errors import UserError


@contextmanager
def study_lock(path: Path) -> Iterator[None]:
    """Hold `path` exclusively. Raises `UserError` when another process tunes this study.

    The kernel drops the lock when the process ends in any way, so that a trial found running
    under a fresh lock is known to be dead.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            handle.seek(0)
            owner = handle.read().strip() or "unknown"
            raise UserError(
                f"another autotune (process {owner}) is running study {path.parent.name}",
                "wait for it, or name another study with --study",
            ) from None
        handle.truncate(0)
        handle.write(str(os.getpid()))
        handle.flush()
        yield
