"""One night or worker at a time on a card, and one night at a time on a target: locks that die
with their process.

The kernel drops a lock when its process ends in any way. The file says who holds it, for a person.
"""

from __future__ import annotations

import fcntl
import json
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TextIO

from autotune.errors import MachineError
from autotune.nightly.journal import utc_now
from autotune.study.files import disk_error

POLL_S = 1.0


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a lock: a process, for which target, since when (ISO 8601, UTC).

    `what` is what it does for that target: its night, or a worker's part of a study.
    """

    pid: int
    target: str
    since: str
    what: str = "the night"

    @property
    def text(self) -> str:
        """For a sentence."""
        moment = datetime.fromisoformat(self.since).astimezone()
        return f"{self.what} of {self.target} (process {self.pid}, since {moment:%H:%M})"


class HeldError(MachineError):
    """Another process holds the lock. `holder` is ``None`` where it did not say who it is."""

    def __init__(self, what: str, holder: Holder | None, hint: str) -> None:
        who = "another process" if holder is None else holder.text
        super().__init__(f"{what} is taken by {who}", hint)
        self.holder = holder


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """How long a lock is waited for: 0 seconds is not at all."""

    most_s: float = 0.0
    poll_s: float = POLL_S
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic


NOT_AT_ALL = Waiting()

WORKER = "the worker"
_NEXT_NIGHT = "it is tried again the next night; two targets on one GPU need separate hours"
_LATER = "wait until it has ended, or name other GPUs: two on one would measure each other"


@contextmanager
def gpu_lock(
    gpu_uuid: str, folder: Path, target: str, waiting: Waiting = NOT_AT_ALL
) -> Iterator[None]:
    """Hold a card, ``cpu`` for the processor. `folder` is the same for all of a user's nights.

    Raises `HeldError` that names the holder when it is not free in time.
    """
    what, path = _card(gpu_uuid, folder)
    with _held(path, target, what, _NEXT_NIGHT, waiting):
        yield


@contextmanager
def worker_lock(gpu_uuid: str, folder: Path, study: str) -> Iterator[None]:
    """Hold a card, ``cpu`` for the processor, for a worker of `study`: the locks of nights.

    Raises `HeldError` that names the holder when it is not free now.
    """
    what, path = _card(gpu_uuid, folder)
    with _held(path, study, what, _LATER, NOT_AT_ALL, WORKER):
        yield


def _card(gpu_uuid: str, folder: Path) -> tuple[str, Path]:
    """A card in words, and the file of its lock."""
    what = "the processor" if gpu_uuid == "cpu" else f"GPU {gpu_uuid}"
    return what, folder / f"{_file_name(gpu_uuid)}.lock"


@contextmanager
def state_lock(state: Path, target: str, waiting: Waiting = NOT_AT_ALL) -> Iterator[None]:
    """Hold a target: its journal has one writer. Raises `HeldError` like `gpu_lock`."""
    hint = "wait until it has ended: autotune nightly status"
    with _held(state / "lock", target, f"target {target}", hint, waiting):
        yield


def gpu_holder(gpu_uuid: str, folder: Path) -> Holder | None:
    """Who holds a card now; ``None`` when nobody does, or nobody who says so."""
    return _holder_of(_card(gpu_uuid, folder)[1])


def state_holder(state: Path) -> Holder | None:
    """Who holds a target now; ``None`` when nobody does."""
    return _holder_of(state / "lock")


def _file_name(gpu_uuid: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", gpu_uuid).strip(".-") or "gpu"


@contextmanager
def _held(
    path: Path, target: str, what: str, hint: str, waiting: Waiting, role: str = "the night"
) -> Iterator[None]:
    with _opened(path) as handle:
        ends_s = waiting.clock() + waiting.most_s
        while not _taken(handle):
            if waiting.clock() >= ends_s:
                raise HeldError(what, _read(handle), hint)
            waiting.sleep(waiting.poll_s)
        since = utc_now().isoformat(timespec="seconds")
        _write(handle, Holder(os.getpid(), target, since, role))
        try:
            yield
        finally:
            handle.truncate(0)


@contextmanager
def _opened(path: Path) -> Iterator[TextIO]:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle = path.open("a+", encoding="utf-8")
    except OSError as error:
        raise disk_error(path, error) from error
    with handle:
        yield handle


def _taken(handle: TextIO) -> bool:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _write(handle: TextIO, holder: Holder) -> None:
    """Who it is; a full disk keeps nobody from working."""
    with suppress(OSError):
        handle.truncate(0)
        handle.write(json.dumps(asdict(holder)))
        handle.flush()


def _read(handle: TextIO) -> Holder | None:
    handle.seek(0)
    try:
        data: dict[str, Any] = json.loads(handle.read())
        datetime.fromisoformat(data["since"])
        what = str(data.get("what", "the night"))
        return Holder(int(data["pid"]), str(data["target"]), data["since"], what)
    except (ValueError, KeyError, TypeError):
        return None


def _holder_of(path: Path) -> Holder | None:
    """Who wrote its name and holds the lock still: the lock is asked for and given back at once."""
    if not path.exists():
        return None
    with _opened(path) as handle:
        named = _read(handle)
        return None if named is None or _taken(handle) else named
