"""Cold, partial and warm turns in tables: their counts in a cell, and a table of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.report.text import ABSENT, duration, number
from autotune.scoring.warmth import KindScore, Warmth

if TYPE_CHECKING:
    from rich.console import RenderableType

Kinds = Iterable[KindScore | Mapping[str, Any]]
"""Rows of a score, or the same as they were read from a file."""

COUNTS = "c/p/w"
"""Heads a column of counts, as in ``2/0/38``."""

LEGEND = "c/p/w: cold, partial and warm turns, by how much of the prefix was reused"


def rows_of(kinds: Kinds) -> list[Mapping[str, Any]]:
    """`kinds` as plain data."""
    return [asdict(row) if isinstance(row, KindScore) else row for row in kinds]


def counts(kinds: Kinds) -> str:
    """``2/0/38``: cold, partial and warm turns; a dash where no turn says what it reused."""
    found = {row["kind"]: row["turns"] for row in rows_of(kinds)}
    told = [found.get(kind.value, 0) for kind in (Warmth.COLD, Warmth.PARTIAL, Warmth.WARM)]
    return "/".join(map(str, told)) if any(told) else ABSENT


def kinds_table(arms: Sequence[tuple[str, Kinds]], head: str = "config") -> RenderableType | None:
    """A row for each kind and arm; ``None`` where no turn of any arm says what it reused.

    `head` names the column of the arms. Its figures: how many turns, p50 and p95 TTFT in seconds,
    and what they took in all.
    """
    found = [(name, {row["kind"]: row for row in rows_of(kinds)}) for name, kinds in arms]
    if not any(kind != Warmth.UNKNOWN for _, kinds in found for kind in kinds):
        return None
    table = figures_table("By what was reused, all turns", "reuse", head, "turns", *TIMES)
    for kind in Warmth:
        shown = [(name, kinds[kind.value]) for name, kinds in found if kind.value in kinds]
        for at, (name, row) in enumerate(shown):
            cells = [kind.value if at == 0 else "", name, str(row["turns"]), *times_of(row)]
            table.add_row(*map(Text, cells))
    return table


TIMES = ("TTFT s", "p95 s", "wait")
"""Heads of what `times_of` tells: p50 and p95 of TTFT, and the time that all turns took."""


def times_of(row: Mapping[str, Any]) -> list[str]:
    """p50 and p95 TTFT in seconds, and the waiting time; absent is a dash."""
    return [
        number(row.get("ttft_p50_s")),
        number(row.get("ttft_p95_s")),
        duration(row.get("total_wait_s")),
    ]


_WORDS = frozenset({"reuse", "depth", "config", "path", "engine"})


def figures_table(title: str | None, *columns: str, caption: str | None = None) -> Table:
    """A narrow table: columns of words to the left, of figures to the right."""
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        caption_justify="left",
        box=box.SIMPLE_HEAD,
        show_edge=False,
        pad_edge=False,
        padding=(0, 2, 0, 0),
    )
    for name in columns:
        table.add_column(name, justify="left" if name in _WORDS else "right", overflow="fold")
    return table
