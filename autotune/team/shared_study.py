"""The study that several workers search, and the storage that holds it."""

from __future__ import annotations

import os
import sqlite3
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from autotune.errors import UserError
from autotune.study.storage import HEARTBEAT_S, write_ahead
from autotune.team.artifacts_url import ArtifactsUrl
from autotune.team.patience import LIMIT_S, Outage, gone, make_patient, own_queue
from autotune.team.storage_url import StorageUrl

if TYPE_CHECKING:
    from optuna import Study
    from optuna.samplers import BaseSampler
    from optuna.storages import RDBStorage

MISSED = 4
"""Heartbeats that a worker may miss before it is taken for lost."""

MADE_TWICE = ("already exists", "duplicate key", "UNIQUE constraint")
TRIES, PAUSE_S = 20, 0.1
"""Of workers that make the tables at the same moment all but one begin again."""


@dataclass(frozen=True, slots=True)
class SharedStudy:
    """A study in a storage, and what this worker is called in it.

    `worker` is unique among those that are alive; empty, the worker's folder names it. `host` is
    where it measures, empty for this host's own name. `heartbeat_s` is how often it says that it
    lives, in whole seconds, `wait_s` how long it waits for a database that is away.
    """

    url: StorageUrl
    name: str
    worker: str = ""
    artifacts: ArtifactsUrl | None = None
    host: str = ""
    heartbeat_s: int = HEARTBEAT_S
    wait_s: float = LIMIT_S


def _say_nothing(_: str) -> None:
    return


@contextmanager
def open_shared(
    url: StorageUrl,
    name: str,
    sampler: BaseSampler | None = None,
    *,
    worker: str = "",
    heartbeat_s: int = HEARTBEAT_S,
    wait_s: float = LIMIT_S,
    told: Callable[[str], None] = _say_nothing,
    env: Mapping[str, str] | None = None,
) -> Iterator[Study]:
    """The study called `name`, made if it is not there; its connections are closed at the end.

    Once it is open, calls wait `wait_s` seconds for a database that went away; `told` hears of it.
    The password is taken from `env`, the process's environment unless given. Raises `UserError`
    where the driver is not installed, and `MachineError` where the database does not answer.
    """
    import optuna

    # It would print the traceback of what we report in a line.
    optuna.logging.set_verbosity(optuna.logging.CRITICAL)
    storage = _opened(url, heartbeat_s, os.environ if env is None else env)
    outage = Outage(str(url), told, limit_s=wait_s)
    name_of_ours = worker or f"process-{os.getpid()}"
    make_patient(storage, outage, name_of_ours, MISSED * heartbeat_s)
    try:
        study = optuna.create_study(
            storage=storage,
            study_name=name,
            sampler=sampler,
            direction="minimize",
            load_if_exists=True,
        )
        own_queue(study, name_of_ours)
        yield study
    finally:
        storage.remove_session()
        storage.engine.dispose()


def beside(study: Study, name: str) -> Study:
    """Another study of the same storage, made if it is not there."""
    import optuna

    return optuna.create_study(
        storage=study._storage, study_name=name, direction="minimize", load_if_exists=True
    )


def _opened(url: StorageUrl, heartbeat_s: int, env: Mapping[str, str]) -> RDBStorage:
    """Asked once: an address that is wrong must be said at once, and not waited for."""
    import optuna
    from sqlalchemy.exc import SQLAlchemyError

    if url.path is not None:
        url.path.parent.mkdir(parents=True, exist_ok=True)
    for left in reversed(range(TRIES)):
        try:
            storage = _connected(url, heartbeat_s, env)
            break
        except ImportError:
            raise UserError(
                "PostgreSQL's driver is not installed", "pip install 'autotune-serving[postgres]'"
            ) from None
        except (SQLAlchemyError, optuna.exceptions.StorageInternalError) as error:
            # Workers that are the first at the same moment make the same tables.
            if not left or not any(word in str(error) for word in MADE_TWICE):
                raise gone(str(url), error) from None
            time.sleep(PAUSE_S)
    if url.path is not None:
        _one_at_a_time(storage)
        write_ahead(storage)
    return storage


def _one_at_a_time(storage: RDBStorage) -> None:
    """Let a transaction on SQLite lock the file from its beginning.

    Else what it has read may be changed before it writes, and two workers claim one trial: SQLite
    knows no ``SELECT ... FOR UPDATE``, by which Optuna holds a row elsewhere
    (https://docs.sqlalchemy.org/en/20/dialects/sqlite.html, "Serializable isolation").
    """
    from sqlalchemy import Connection, event

    def configure(connection: sqlite3.Connection, _: object) -> None:
        connection.isolation_level = None

    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(storage.engine, "connect", configure)
    event.listen(storage.engine, "begin", begin)


def _connected(url: StorageUrl, heartbeat_s: int, env: Mapping[str, str]) -> RDBStorage:
    import optuna

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", optuna.exceptions.ExperimentalWarning)
        return optuna.storages.RDBStorage(
            url.address,
            engine_kwargs={
                "connect_args": url.connect_args(env),
                # A connection that the database has closed meanwhile is not used again.
                "pool_pre_ping": True,
                # What is wrong with a value must not show the value.
                "hide_parameters": True,
            },
            heartbeat_interval=heartbeat_s,
            grace_period=MISSED * heartbeat_s,
        )
