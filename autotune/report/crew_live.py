"""Progress of the workers of one host on a terminal: a row for each, which lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich import box
from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from autotune.report import lines
from autotune.report.crew_lines import STOPPING, STOPPING_NOW, ended_words, sentence
from autotune.report.state import Clock, RunState
from autotune.report.text import duration
from autotune.search.events import Notice
from autotune.team.crew import Ended, Progress, Started, Told

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_REFRESH_PER_SECOND = 4


class CrewLive:
    """A table with a row a worker. What starts and what fails stays above it as a line."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console, self._clock = console, clock
        self._states: dict[str, RunState] = {}
        self._ended: dict[str, str] = {}
        self._stopping = ""
        self._live = Live(
            console=console,
            get_renderable=self._table,
            refresh_per_second=_REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, progress: Progress) -> None:
        """Takes one thing in, and prints what stays."""
        match progress:
            case Started():
                self._states[progress.job] = RunState(self._clock)
                self._print(progress.job, sentence(progress), "dim")
            case Told(event=Notice(text)):
                self._print(progress.job, text, "yellow")
            case Told():
                self._states[progress.job].apply(progress.event)
            case Ended():
                self._ended[progress.job] = ended_words(progress.end)
                if progress.end.failed:
                    self._print(progress.job, sentence(progress), "red")

    def stopping(self, at_once: bool = False) -> None:
        """The next refresh says it; nothing is written from the signal handler."""
        self._stopping = STOPPING_NOW if at_once else STOPPING

    def _print(self, job: str, text: str, style: str) -> None:
        self._console.print(Text(f"{job}: {text}", style=style))

    def _table(self) -> RenderableType:
        """The live part; called by rich's refresh thread too."""
        table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, expand=True)
        table.add_column("worker", no_wrap=True)
        table.add_column("does", ratio=1, overflow="ellipsis", no_wrap=True)
        table.add_column("best so far", ratio=1, overflow="ellipsis", no_wrap=True)
        table.add_column("left", justify="right", no_wrap=True)
        for job, state in tuple(self._states.items()):
            table.add_row(*map(Text, self._cells(job, state)))
        return Group(table, Text(f"  {self._stopping}", style="yellow", no_wrap=True))

    def _cells(self, job: str, state: RunState) -> tuple[str, str, str, str]:
        if job in self._ended:
            return job, self._ended[job], lines.best(state), ""
        left = state.seconds_left
        does = lines.activity(state) if state.prepared is not None else "getting ready"
        return job, does, lines.best(state), "" if left is None else duration(left)
