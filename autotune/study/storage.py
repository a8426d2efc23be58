"""Optuna's part of a study: an RDB on SQLite with a heartbeat."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from autotune.study.folder import StudyFolder
from autotune.study.read_only import reading, unreadable

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.storages import RDBStorage
    from optuna.trial import FrozenTrial

HEARTBEAT_S = 30
"""How often a running trial says that it lives; others take it for dead after four of these."""


def _storage(folder: StudyFolder) -> RDBStorage:
    import optuna
    from sqlalchemy.exc import DatabaseError

    # It would print the traceback of what we report in a line.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
            storage = optuna.storages.RDBStorage(
                f"sqlite:///{folder.database}",
                heartbeat_interval=HEARTBEAT_S,
                grace_period=4 * HEARTBEAT_S,
            )
            write_ahead(storage)
            return storage
    except DatabaseError as error:
        raise unreadable(folder.database, error) from None


def write_ahead(storage: RDBStorage) -> None:
    """Commit to SQLite's write-ahead log without a sync each time.

    Optuna commits some thirty times a trial; synced one by one they cost seconds on a slow disk.
    A killed process loses nothing this way, and a power cut at most the newest commits, never
    the file (https://www.sqlite.org/wal.html, "Performance Considerations").
    """
    from sqlalchemy import event

    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")

    event.listen(storage.engine, "connect", configure)
    # Connections made before the listener still sync: drop them.
    storage.engine.dispose()


def _name_in(storage: RDBStorage, folder: StudyFolder) -> str:
    """What the study is called in its database: as its folder was before it was renamed."""
    names = [study.study_name for study in storage.get_all_studies()]
    return names[0] if len(names) == 1 else folder.name


@contextmanager
def open_study(folder: StudyFolder, sampler: BaseSampler) -> Iterator[Study]:
    """The study, made if it is not there; its connections are closed at the end."""
    import optuna

    folder.path.mkdir(parents=True, exist_ok=True)
    storage = _storage(folder)
    try:
        yield optuna.create_study(
            storage=storage,
            study_name=_name_in(storage, folder),
            sampler=sampler,
            direction="minimize",
            load_if_exists=True,
        )
    finally:
        storage.remove_session()
        storage.engine.dispose()


def load_trials(folder: StudyFolder) -> list[FrozenTrial]:
    """Every trial in order; empty when the study has none yet. Nothing on disk changes.

    Raises `MachineError` for a database that cannot be read.
    """
    import optuna

    if not folder.database.is_file():
        return []
    # It would print the traceback of what we report in a line.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    try:
        with reading(folder.database) as storage:
            name = _name_in(storage, folder)
            return optuna.load_study(study_name=name, storage=storage).get_trials()
    except KeyError:
        return []
