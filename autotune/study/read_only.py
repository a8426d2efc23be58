"""A study's database opened so that nothing on disk changes, also while a run writes to it.

A finished study has no write-ahead log: SQLite reads such a file as immutable and leaves nothing
beside it. While a run is going on there is a log, and a reader finds what is in it through the
index that the writer keeps (https://www.sqlite.org/wal.html, "Read-Only Databases"). Where there is
a log and no way to its index, as on a medium that cannot be written, a copy is read.
"""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from autotune.errors import MachineError

if TYPE_CHECKING:
    from optuna.storages import RDBStorage

BUSY_S = 5.0
"""How long a reader waits where the file is locked."""

Signature = tuple[tuple[int, int], ...]


def log_of(database: Path) -> Path:
    """SQLite's write-ahead log of `database`."""
    return database.with_name(f"{database.name}-wal")


def signature(*paths: Path) -> Signature:
    """Time of change in nanoseconds and size in bytes of each file; zeros for one that is absent.

    As long as it stays the same nothing was written.
    """
    return tuple(_stamp(path) for path in paths)


def _stamp(path: Path) -> tuple[int, int]:
    try:
        found = path.stat()
    except OSError:
        return (0, 0)
    return (found.st_mtime_ns, found.st_size)


@contextmanager
def reading(database: Path) -> Iterator[RDBStorage]:
    """Optuna's storage on `database`, which is there; every write to it fails.

    Raises `MachineError` for a file that cannot be read, while it is opened and after.
    """
    from optuna.exceptions import StorageInternalError
    from sqlalchemy.exc import DatabaseError

    try:
        with _readable(database) as path, closing(_Held(_storage(path))) as held:
            yield held.storage
    except StorageInternalError as error:
        # Optuna's word for whatever a database says.
        raise unreadable(database, error.__cause__ or error) from None
    except DatabaseError as error:
        raise unreadable(database, error) from None


def unreadable(database: Path, error: BaseException) -> MachineError:
    """Why `database` cannot be opened, in a line."""
    reason = getattr(error, "orig", None) or error
    return MachineError(f"{database} cannot be opened: {reason}", "restore it or start a new study")


@dataclass(frozen=True, slots=True)
class _Held:
    """A storage whose connections are given back."""

    storage: RDBStorage

    def close(self) -> None:
        self.storage.remove_session()
        self.storage.engine.dispose()


@contextmanager
def _readable(database: Path) -> Iterator[Path]:
    """`database` itself, or a copy of it where its log cannot be read in its place."""
    if not _has_log(database) or _answers(database):
        yield database
        return
    with tempfile.TemporaryDirectory(prefix="autotune-") as folder:
        for path in (database, log_of(database)):
            shutil.copyfile(path, Path(folder) / path.name)
        yield Path(folder) / database.name


def _has_log(database: Path) -> bool:
    """Whether there is more than what stands in the file itself."""
    return signature(log_of(database))[0][1] > 0


def _answers(database: Path) -> bool:
    try:
        with closing(_connect(database)) as connection:
            connection.execute("SELECT count(*) FROM sqlite_master")
    except sqlite3.OperationalError:
        return False
    except sqlite3.DatabaseError:
        # Damaged: whoever reads it says so.
        return True
    return True


def _connect(database: Path) -> sqlite3.Connection:
    how = "mode=ro" if _has_log(database) else "mode=ro&immutable=1"
    address = f"file:{quote(str(database.resolve()))}?{how}"
    return sqlite3.connect(address, uri=True, timeout=BUSY_S, check_same_thread=False)


def _storage(database: Path) -> RDBStorage:
    import optuna
    from sqlalchemy.pool import NullPool

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.RDBStorage(
            "sqlite://",
            engine_kwargs={"creator": lambda: _connect(database), "poolclass": NullPool},
            skip_table_creation=True,
        )
