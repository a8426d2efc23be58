"""Progress of many searches on stderr: a bar on a terminal, a line now and then elsewhere."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from autotune.report.text import duration

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.strategies.cells import Cell, Result

EVERY_S = 10.0
"""Between two lines where there is no terminal."""


@dataclass(slots=True)
class SearchProgress:
    """Counts searches; `kind` is ``auto``, ``rich``, ``plain`` or ``none``."""

    kind: str
    err: Console
    total: int = 0
    done: int = 0
    _bar: Any = None
    _task: Any = None
    _began_s: float = field(default_factory=time.monotonic)
    _told_s: float = 0.0

    def __enter__(self) -> Self:
        live = self.err.is_terminal and not self.err.is_dumb_terminal
        if self.kind == "rich" or (self.kind == "auto" and live):
            self._open_bar()
        return self

    def __exit__(self, *_: object) -> None:
        if self._bar is not None:
            self._bar.stop()
            self._bar = None

    def expect(self, total: int, kept: int) -> None:
        """`total` searches are to be done, besides `kept` that are on the disk."""
        self.total = total
        if kept:
            self.note(f"{kept} searches are there already and are kept")
        if self._bar is not None:
            self._bar.update(self._task, total=total)

    def note(self, text: str) -> None:
        """One line."""
        if self.kind != "none":
            with suppress(BrokenPipeError):
                self.err.print(text, markup=False)

    def told(self, cell: Cell, _: Result) -> None:
        """One search has ended."""
        self.done += 1
        now_s = time.monotonic()
        if self._bar is not None:
            self._bar.update(self._task, completed=self.done, description=cell.source.name)
        elif self.kind != "none" and (now_s - self._told_s >= EVERY_S or self.done == self.total):
            self._told_s = now_s
            self.note(f"{self.done} of {self.total} searches, {self._left(now_s)}: {_what(cell)}")

    def _left(self, now_s: float) -> str:
        each_s = (now_s - self._began_s) / max(1, self.done)
        return f"about {duration(each_s * (self.total - self.done))} left"

    def _open_bar(self) -> None:
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self._bar = Progress(*columns, TimeRemainingColumn(), console=self.err, transient=True)
        self._task = self._bar.add_task("searching", total=self.total or None)
        self._bar.start()


def _what(cell: Cell) -> str:
    return f"{cell.strategy} on {cell.source.name}, seed {cell.seed}"
