"""Sessions as a model's own tokenizer counts them, beside what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.report.text import ABSENT, share

if TYPE_CHECKING:
    from rich.console import Console

    from autotune.trial.counted_sessions import CountedSession

COLUMNS = ("session", "recorded", "counted", "scale", "replayed", "filler")


def counted_cells(one: CountedSession) -> tuple[str, ...]:
    """The cells of `COLUMNS`: tokens of the deepest recorded prompt, and a share."""
    row = one.row
    return (
        row.session_id,
        ABSENT if row.recorded_tokens is None else f"{row.recorded_tokens:,}",
        f"{one.counted_tokens:,}",
        ABSENT if row.recorded_tokens is None else f"{row.scale:.3f}",
        f"{row.replayed_tokens:,}",
        share(row.padded_share),
    )


def print_counted(
    counted: Sequence[CountedSession], notes: Sequence[str], console: Console, *, rows: int
) -> None:
    """A table of `rows` sessions at most, and what the chat template did not take."""
    table = Table(
        title="Deepest prompt, counted by the model", box=box.SIMPLE_HEAD, title_justify="left",
        show_edge=False,
    )  # fmt: skip
    for index, column in enumerate(COLUMNS):
        table.add_column(
            column, justify="right" if index else "left", overflow="fold", no_wrap=index > 0
        )
    for one in counted[:rows]:
        name, *cells = counted_cells(one)
        table.add_row(Text(name), *cells)
    if len(counted) > rows:
        table.add_row(Text(f"and {len(counted) - rows} more (--rows shows them)", style="dim"))
    console.print()
    console.print(table)
    for note in notes:
        console.print(Text(f"  {note}"))


def counted_json(counted: Sequence[CountedSession]) -> list[Mapping[str, Any]]:
    """Every session as plain data, with the ratio of counted to recorded tokens."""
    return [
        {**asdict(one.row), "counted_tokens": one.counted_tokens, "ratio": one.ratio}
        for one in counted
    ]
