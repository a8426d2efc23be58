"""What happens while paths are measured, for whoever shows it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from autotune.records import TurnRecord


@dataclass(frozen=True, slots=True)
class TableOpened:
    """The turns are laid out; `notes` are about them."""

    folder: str
    sessions: int
    turns: int
    paths: int
    notes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PathStarted:
    """A path is ready. `done` of its `turns` were measured before; costs are as estimated."""

    name: str
    serves: str
    turns: int
    done: int
    notes: tuple[str, ...]
    cost: str | None = None


@dataclass(frozen=True, slots=True)
class PathTurn:
    """A turn ended; `spent_usd` is what the path has cost so far, where that is known."""

    name: str
    record: TurnRecord
    spent_usd: float | None


@dataclass(frozen=True, slots=True)
class PathEnded:
    """A path is left: `whole` when nothing of it is missing, else `reason` says why it stopped."""

    name: str
    whole: bool
    reason: str | None = None


PathEvent = TableOpened | PathStarted | PathTurn | PathEnded
Listener = Callable[[PathEvent], None]
