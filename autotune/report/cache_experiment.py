"""What the prefix-cache experiment leaves behind: a table, a plot, and their numbers."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from rich import box
from rich.console import Group
from rich.table import Table
from rich.text import Text

from autotune.records import TurnRecord
from autotune.report.cache_plot import plot
from autotune.report.cache_rows import to_csv, to_json
from autotune.report.cache_table import COLUMNS, headline, notes, rows
from autotune.scoring.cache_effect import CacheEffect, cache_effect
from autotune.study.files import write_json, write_text_atomic

if TYPE_CHECKING:
    from rich.console import RenderableType

CSV, JSON, SVG = "cache-effect.csv", "cache-effect.json", "cache-effect.svg"


def write(folder: Path, records: Iterable[TurnRecord], *, subject: str = "") -> tuple[Path, ...]:
    """Write the turns (CSV), everything (JSON) and the plot (SVG) into `folder`; their paths.

    `records` are those of a comparison, of the arms ``cache=on`` and ``cache=off``; `subject` says
    what was measured (engine, model), for the plot. Raises what `cache_effect` raises, and
    `MachineError` when the disk refuses.
    """
    return write_effect(folder, cache_effect(records), subject=subject)


def write_effect(folder: Path, effect: CacheEffect, *, subject: str = "") -> tuple[Path, ...]:
    """`write` for an effect that is worked out already."""
    paths = tuple(folder / name for name in (CSV, JSON, SVG))
    write_text_atomic(paths[0], to_csv(effect))
    write_json(paths[1], to_json(effect, subject))
    write_text_atomic(paths[2], plot(effect, subject))
    return paths


def block(effect: CacheEffect) -> RenderableType:
    """The table by depth with its headline and notes, for a terminal."""
    table = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=0)
    for at, name in enumerate(COLUMNS):
        table.add_column(name, justify="right" if at else "left", overflow="fold")
    for cells in rows(effect):
        table.add_row(*(Text(cell) for cell in cells))
    lines = [Text(line, style="dim") for line in notes(effect)]
    return Group(Text(headline(effect), style="bold"), table, *lines)
