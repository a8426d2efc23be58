"""What each change of the winner is worth, and what it does without, in words and as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.report.text import ABSENT, plural, setting, times

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_IMPORTANT = 5
"""Settings that are named by importance: behind them there is little but noise."""

LEAST_SHARE = 0.05

Row = Mapping[str, Any]


def effects_table(effects: Sequence[Row]) -> RenderableType | None:
    """A row for each change: setting, default, winner, worth, and how that is known."""
    if not effects:
        return None
    table = Table(
        title="What changed, and what each change is worth",
        caption=_caption(effects),
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name, right in _COLUMNS:
        table.add_column(name, justify="right" if right else "left", overflow="fold")
    for row in effects:
        table.add_row(*(Text(cell) for cell in _cells(row)))
    return table


_COLUMNS = (
    ("setting", False), ("default", False), ("winner", False), ("worth", True), ("interval", False),
)  # fmt: skip


def _caption(effects: Sequence[Row]) -> str:
    guesses = any(row["source"] == "estimate" for row in effects)
    said = "worth: speed with the change over speed without it, all else as the winner has it"
    return f"{said}; an estimate is the search's guess" if guesses else said


def _cells(row: Row) -> Iterator[str]:
    flags = row["settings"].items()
    yield "\n".join(name for name, _ in flags)
    yield "\n".join(setting(values[0]) for _, values in flags)
    yield "\n".join(setting(values[1]) for _, values in flags)
    yield times(row["ratio"]) if row["failure"] is None else "needed"
    yield _known_by(row)


def _known_by(row: Row) -> str:
    if row["failure"] is not None:
        return f"without it: {row['failure']}"
    bounds = ABSENT if row["low"] is None else f"{times(row['low'])} to {times(row['high'])}"
    return f"{bounds}, estimate" if row["source"] == "estimate" else bounds


def effects_lines(summary: Row) -> Iterator[str]:
    """What was left out, and which settings set good trials apart; nothing where nothing is known.

    `summary` is a `Summary` as plain data.
    """
    if needless := needless_words(summary.get("needless") or ()):
        yield f"left out, as they do nothing: {needless}"
    if importance := summary.get("importance"):
        yield importance_line(importance)


def needless_words(needless: Sequence[Row]) -> str:
    """``poll=50, threads=8``: what the faster trial had, and the winner does without."""
    flags = [(name, values[1]) for row in needless for name, values in row["settings"].items()]
    return ", ".join(f"{name}={setting(value)}" for name, value in flags)


def importance_line(importance: Row) -> str:
    """Which settings decided who was among the best, and on how many configs that rests."""
    shares = [(n, s) for n, s in importance["shares"].items() if s >= LEAST_SHARE]
    told = ", ".join(f"{name} {share:.0%}" for name, share in shares[:MOST_IMPORTANT])
    configs = plural(importance["configs"], "config")
    return (
        f"what set the best {importance['best']} of {configs} apart (PED-ANOVA): "
        f"{told or 'no setting more than others'}"
    )
