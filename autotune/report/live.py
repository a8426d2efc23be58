"""Progress on a terminal: a row for each finished trial, and below them a line that lives."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from rich.console import Group
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from autotune.report import lines
from autotune.report.held import hold_finish, hold_start
from autotune.report.kinds import COUNTS, counts
from autotune.report.noise import anchor_line
from autotune.report.state import Clock, RunState
from autotune.report.text import changes, duration, number, times
from autotune.search.events import (
    AnchorMeasured,
    ConfirmBlock,
    ConfirmStarted,
    ContestPrepared,
    EngineChosen,
    Event,
    HoldFinished,
    HoldStarted,
    Notice,
    Prepared,
    Summary,
    TrialFinished,
)

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

_COLUMNS = (
    ("#", 3),
    ("s/turn", 7),
    ("speed", 6),
    ("TTFT s", 6),
    ("p95 s", 5),
    ("wait", 6),
    ("tok/s", 5),
    (COUNTS, 7),
)
_SETTINGS = "differs from the default"
_REFRESH_PER_SECOND = 4
_SPINNER_WIDTH = 3


class LiveDisplay:
    """Rows scroll by above; the live part is two lines, so any terminal height will do."""

    def __init__(self, console: Console, clock: Clock) -> None:
        self._console = console
        self._state = RunState(clock)
        self._spinner = Spinner("dots")
        self._head_shown = False
        self._stopping = ""
        self._live = Live(
            console=console,
            get_renderable=self._status,
            refresh_per_second=_REFRESH_PER_SECOND,
            transient=True,
            redirect_stdout=False,
        )

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def __call__(self, event: Event) -> None:
        """Prints what stays and refreshes what lives."""
        before = self._state.chosen
        self._state.apply(event)
        for item in self._lasting(event, before):
            self._console.print(item, soft_wrap=isinstance(item, Text) and bool(item.no_wrap))
        if isinstance(event, Summary):
            self._live.stop()

    def stopping(self, at_once: bool = False) -> None:
        """The next refresh says it; nothing is written from the signal handler."""
        self._stopping = lines.STOPPING_NOW if at_once else lines.STOPPING

    def _lasting(self, event: Event, before: EngineChosen | None) -> list[RenderableType]:
        match event:
            case Prepared() | ContestPrepared():
                return [_header(event)]
            case EngineChosen():
                return [Text(line, style="yellow") for line in lines.moves(before, event)]
            case TrialFinished():
                return self._trial_rows(event)
            case ConfirmStarted():
                return [Text(""), Text(lines.confirm_start(event), style="bold")]
            case ConfirmBlock():
                style = "red" if event.failure else ""
                return [Text(lines.confirm_block(event, self._state), style=style)]
            case AnchorMeasured():
                return [Text(anchor_line(event), style="yellow" if event.disagrees else "dim")]
            case HoldStarted():
                return [Text(""), Text(hold_start(event), style="bold")]
            case HoldFinished():
                return [Text(hold_finish(event), style="" if event.holds else "red")]
            case Notice():
                return [Text(event.text, style="yellow")]
            case _:
                return []

    def _trial_rows(self, event: TrialFinished) -> list[RenderableType]:
        head: list[RenderableType] = []
        if not self._head_shown:
            self._head_shown = True
            cells = [Text(name, style="dim") for name, _ in _COLUMNS]
            head = [_row([*cells, Text(_SETTINGS, style="dim")])]
        return [*head, _row(self._cells(event)), *_remark(event)]

    def _cells(self, event: TrialFinished) -> list[Text]:
        style = "red" if event.failure else "bold green" if event.is_best else ""
        speed = self._state.against_baseline(event.turn_s)
        short = "failed" if event.failure else "stopped" if event.stopped_early else ""
        figures = (
            [short, *[""] * (len(_COLUMNS) - 2)]
            if short
            else [
                number(event.turn_s),
                times(speed),
                number(event.ttft_p50_s),
                number(event.ttft_p95_s),
                duration(event.total_wait_s),
                number(event.decode_p50_tps),
                counts(event.kinds),
            ]
        )
        cells = [Text(str(event.number), style=style)]
        cells += [Text(str(figure), style=style) for figure in figures]
        engine = "" if event.engine is None else f"{event.engine}: "
        return [*cells, Text(engine + changes(event.changes))]

    def _status(self) -> RenderableType:
        """The live part; called by rich's refresh thread too."""
        left = self._state.seconds_left
        parts = [
            lines.activity(self._state),
            lines.best(self._state),
            f"{duration(left)} left" if left is not None else "",
            f"{self._state.failed} failed" if self._state.failed else "",
            lines.given(self._state.chosen) if self._state.chosen else "",
        ]
        text = Text(" · ".join(part for part in parts if part))
        text.truncate(self._console.width - _SPINNER_WIDTH, overflow="ellipsis")
        self._spinner.update(text=text)
        second = self._stopping or lines.trying(self._state)
        style = "yellow" if self._stopping else "dim"
        return Group(self._spinner, Text(f"  {second}", style=style, no_wrap=True))


def _header(event: Prepared | ContestPrepared) -> RenderableType:
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    for name, fact in lines.header(event):
        table.add_row(name, Text(fact))
    return Group(table, Text(""))


def _row(cells: list[Text]) -> Table:
    """One row of the trial table: a table by itself, so that it can be printed for good."""
    table = Table.grid(padding=(0, 1, 0, 0), expand=True)
    for _, width in _COLUMNS:
        table.add_column(justify="right", width=width, no_wrap=True)
    table.add_column(ratio=1, overflow="fold")
    table.add_row(*cells)
    return table


def _remark(event: TrialFinished) -> list[RenderableType]:
    """Why a trial failed, and where its log is: the path is not broken, so it can be copied.

    Of one that was stopped early, what it looked like till then.
    """
    if event.stopped_early:
        return [Text(f"     {event.reason}", style="dim")]
    if event.failure is None:
        return []
    said = Text(f"     {event.failure}: {event.reason or 'no reason given'}", style="red")
    if event.log_path is None:
        return [said]
    return [said, Text(f"     log: {event.log_path}", style="dim", no_wrap=True)]
