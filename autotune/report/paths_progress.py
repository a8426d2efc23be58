"""Progress while serving paths are measured: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, Self

from autotune.paths.events import PathEnded, PathStarted, PathTurn, TableOpened
from autotune.paths.prices import usd
from autotune.report.shown import is_live, write_at_once
from autotune.report.text import number, plural

if TYPE_CHECKING:
    from rich.console import Console

STOPPING = "stopping: the turn under way is finished first (again to stop at once)"
STOPPING_NOW = "stopping at once"
_LINES = 10
"""Plain progress lines for one path, at most."""


class PathsDisplay:
    """Takes every event; `kind` is ``auto``, ``rich``, ``plain`` or ``none``."""

    def __init__(self, kind: str, err: Console) -> None:
        self._err = err
        self._kind = kind if kind == "none" else "rich" if is_live(kind, err) else "plain"
        self._bar: Any = None
        self._task: Any = None
        self._done, self._turns = 0, 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._close_bar()

    def __call__(self, event: object) -> None:
        """Shows one event."""
        if self._kind == "none":
            return
        with suppress(BrokenPipeError):
            match event:
                case TableOpened():
                    self._opened(event)
                case PathStarted():
                    self._started(event)
                case PathTurn():
                    self._turn(event)
                case PathEnded():
                    self._ended(event)

    def stopping(self, at_once: bool = False) -> None:
        """One line."""
        write_at_once(self._err.file, STOPPING_NOW if at_once else STOPPING)

    def _say(self, text: str) -> None:
        self._err.print(text, markup=False, soft_wrap=True)

    def _opened(self, event: TableOpened) -> None:
        told = f"{plural(event.sessions, 'session')}, {plural(event.turns, 'turn')}"
        self._say(f"table     {event.folder}")
        self._say(f"turns     {told} for {plural(event.paths, 'path')}")
        for note in event.notes:
            self._say(f"note      {note}")

    def _started(self, event: PathStarted) -> None:
        self._done, self._turns = event.done, event.turns
        before = f", {event.done} of them measured before" if event.done else ""
        self._say(f"{event.name}: {event.serves}, {plural(event.turns, 'turn')}{before}")
        if event.cost is not None:
            self._say(f"  cost: {event.cost}")
        for note in event.notes:
            self._say(f"  note: {note}")
        if self._kind == "rich":
            self._open_bar(event)

    def _open_bar(self, event: PathStarted) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, console=self._err, transient=True)
        self._bar.start()
        self._task = self._bar.add_task(event.name, total=event.turns, completed=event.done)

    def _turn(self, event: PathTurn) -> None:
        self._done += event.record.ok
        text = f"{event.name}: {self._figures(event)}"
        if not event.record.ok and event.record.failure != "unreached":
            self._say(f"  {_where(event)}: {event.record.detail or event.record.failure}")
        if self._bar is not None:
            self._bar.update(self._task, completed=self._done, description=text)
        elif event.record.ok and self._is_tenth():
            self._say(f"  {self._done} of {self._turns}: {self._figures(event)}")

    def _is_tenth(self) -> bool:
        step = max(1, self._turns // _LINES)
        return self._done % step == 0 or self._done == self._turns

    def _figures(self, event: PathTurn) -> str:
        record = event.record
        depth = "" if record.depth_tokens is None else f"{record.depth_tokens} tokens deep, "
        spent = "" if event.spent_usd is None else f", {usd(event.spent_usd)} so far"
        mark = f" ({record.mark})" if record.mark else ""
        return f"{depth}TTFT {number(record.ttft_s)} s{mark}{spent}"

    def _ended(self, event: PathEnded) -> None:
        self._close_bar()
        if event.reason is not None:
            self._say(f"{event.name}: {event.reason}")

    def _close_bar(self) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None


def _where(event: PathTurn) -> str:
    return f"session {event.record.session_id} turn {event.record.turn}"
