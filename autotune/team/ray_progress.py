"""What a run on a Ray cluster tells whoever watches it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from autotune.errors import ExitCode
from autotune.search.events import Event


@dataclass(frozen=True, slots=True)
class Joined:
    """Ray connected: how many hosts, what a worker takes, how many are asked for, and for how many
    there is room now."""

    hosts: int
    placement: str
    workers: int
    room: int


@dataclass(frozen=True, slots=True)
class Placed:
    """A worker runs on `host`; `again` after its former node was lost or its process crashed."""

    slot: int
    host: str
    again: bool


@dataclass(frozen=True, slots=True)
class Away:
    """A worker's node or process is gone; Ray places it anew as soon as a node has room."""

    slot: int
    host: str
    reason: str


@dataclass(frozen=True, slots=True)
class Told:
    """A worker's search told `event`."""

    slot: int
    host: str
    event: Event


@dataclass(frozen=True, slots=True)
class WorkerEnd:
    """How a worker ended. `summary` is as `Summary` has it, as plain data, where it has one."""

    exit_code: int
    error: str = ""
    hint: str = ""
    summary: Mapping[str, Any] | None = None

    @property
    def failed(self) -> bool:
        """Whether it ended by an error of its own, and not by its search."""
        return bool(self.error)


@dataclass(frozen=True, slots=True)
class Ended:
    """A worker is done."""

    slot: int
    host: str
    end: WorkerEnd


Progress = Joined | Placed | Away | Told | Ended

STOPPED = WorkerEnd(int(ExitCode.STOPPED_EARLY))
"""Of a worker that was told to stop before it had begun, or while it had no node."""


class Watcher(Protocol):
    """Receives what happens, in order, from the thread that drives the run."""

    def __call__(self, progress: Progress, /) -> None:
        """Show it, log it or drop it; never raise."""
        ...
