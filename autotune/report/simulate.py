"""Search strategies side by side on the terminal, and as plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table

from autotune.report.simulate_words import COLUMNS, SHORT, cells, facts, headline, legend
from autotune.strategies.figures import Group, figures

if TYPE_CHECKING:
    from rich.console import Console


def print_groups(groups: Sequence[Group], out: Console) -> None:
    """A table for each source and budget, then what the figures mean."""
    for group in groups:
        out.print(headline(group), style="bold", markup=False)
        out.print(facts(group), markup=False)
        out.print(_table(group))
    for line in legend(groups):
        out.print(line, style="dim", markup=False)


def document(groups: Sequence[Group]) -> dict[str, Any]:
    """The same as plain data."""
    return {"groups": [group_document(group) for group in groups]}


def group_document(group: Group) -> dict[str, Any]:
    """One source under one budget; seconds are engine-seconds, values seconds of the objective."""
    return {
        "setup": group.source.name,
        "kind": group.source.kind,
        "title": group.source.title,
        "noise": group.noise,
        "budget_s": group.budget_s,
        "default_trial_s": group.trial_s,
        "optimum": group.optimum,
        "default": group.default,
        "default_regret": group.default_regret,
        "default_held_out": group.default_held,
        "noise_floor_log": group.floor,
        "strategies": [asdict(row) for row in figures(group)],
    }


def _table(group: Group) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=0)
    for at in SHORT:
        table.add_column(COLUMNS[at], justify="right" if at else "left", no_wrap=True)
    for row in figures(group):
        told = cells(row)
        table.add_row(*(told[at] for at in SHORT))
    return table


def print_names(title: str, rows: Mapping[str, str], out: Console) -> None:
    """Names and what they are."""
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, show_header=False)
    for name, about in rows.items():
        table.add_row(name, about)
    out.print(table)
