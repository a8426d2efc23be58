"""A page on a terminal: tables and small plots that fit 80 columns, plain where it is piped."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from rich import box
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from autotune.report.page.model import Block, Command, Facts, Grid, Page, Plot, Prose, Section
from autotune.report.page.terminal_plots import is_small, lines

if TYPE_CHECKING:
    from rich.console import Console

MOST_ROWS = 20
_WIDEST = 9
"""Columns that can be read beside each other in 80; a wider table keeps to a page."""

_TONES = {"good": "bold green", "even": "bold yellow", "bad": "bold red", "soft": "dim"}
_MARKS = {"winner": "green", "tuned": "green", "failed": "red", "stopped": "dim"}


def print_page(page: Page, console: Console, leave_out: Collection[str] = ()) -> None:
    """Prints the page, but for the sections named in `leave_out`."""
    console.print(Text(f"{page.title}: {page.verdict}", style=_TONES.get(page.tone, "bold")))
    for line in page.lead:
        console.print(Text(line))
    print_sections(page.sections, console, leave_out)


def print_sections(
    sections: Collection[Section], console: Console, leave_out: Collection[str] = ()
) -> None:
    """Prints `sections`, each below its title."""
    for section in sections:
        if section.name not in leave_out:
            console.print()
            console.print(Text(section.title, style="bold underline"))
            for block in section.blocks:
                _print(block, console, section.title)


def _print(block: Block, console: Console, heading: str) -> None:
    match block:
        case Prose():
            for line in block.lines:
                console.print(Text(line, style=_TONES.get(block.tone, "")))
        case Facts():
            wide = max(len(name) for name, _ in block.pairs)
            for name, value in block.pairs:
                console.print(Text(f"{name:<{wide}}  {value}"), soft_wrap=True)
        case Command():
            console.print(Text(block.title, style="dim"))
            console.print(Text(f"  {block.text}"), soft_wrap=True)
        case Grid():
            _print_grid(block, console)
        case Plot():
            _print_plot(block, console, heading)


def _print_plot(block: Plot, console: Console, heading: str) -> None:
    drawn = lines(block.figure, min(console.width, 100)) if is_small(block.figure) else []
    title = block.figure.title.removeprefix(heading).removeprefix(": ")
    if drawn and title:
        console.print(Text(title, style="bold"))
    for line in drawn:
        console.print(line, no_wrap=True, overflow="crop")
    if block.grid is not None and len(block.grid.rows) <= MOST_ROWS:
        _print_grid(block.grid, console)


def _print_grid(grid: Grid, console: Console) -> None:
    if grid.title:
        console.print(Text(grid.title, style="bold"))
    table = _table(grid)
    if Measurement.get(console, console.options, table).maximum > console.width:
        table.padding = 0
    console.print(table)
    if len(grid.rows) > MOST_ROWS:
        console.print(Text(f"and {len(grid.rows) - MOST_ROWS} more", style="dim"))
    if grid.note:
        console.print(Text(grid.note, style="dim"))


def _table(grid: Grid) -> Table:
    """Columns with two spaces between them; with one where they need the room."""
    shown = _columns(grid)
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for at in shown:
        table.add_column(
            Text(grid.heads[at]),
            justify="left" if at in grid.words else "right",
            overflow="fold",
            no_wrap=at not in grid.words,
        )
    for at, row in enumerate(grid.rows[:MOST_ROWS]):
        style = _MARKS.get(grid.marks[at], "") if grid.marks else ""
        table.add_row(*(Text(row[column].text) for column in shown), style=style)
    return table


def _columns(grid: Grid) -> list[int]:
    """All columns that say something; of a table too wide those of figures and the first."""
    told = [
        at
        for at in range(len(grid.heads))
        if any(row[at].text not in ("–", " ") for row in grid.rows)
    ] or [0]
    if len(told) <= _WIDEST:
        return told
    return [at for at in told if at == 0 or at not in grid.words][:_WIDEST]
