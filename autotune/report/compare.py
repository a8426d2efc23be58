"""A comparison on a terminal: what each arm measured, and what can be said of the difference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.table import Table
from rich.text import Text

from autotune.report.compare_words import (
    could_see,
    ended_line,
    head_line,
    interval,
    metric_name,
    note_lines,
)
from autotune.report.text import number, share, times

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

Row = Mapping[str, Any]

_WORDS = frozenset({"arm", "metric", "verdict", "depth"})
_STYLES = {"faster": "green", "slower": "red"}


def print_compare(
    document: Row, folder: Path, console: Console, by_depth: RenderableType | None = None
) -> None:
    """Figures of each arm, verdicts against the baseline, the same by depth, and notes.

    `by_depth` stands for the table by depth where an experiment has one of its own.
    """
    console.print(Text(head_line(document), style="bold"), soft_wrap=True)
    if any(arm.get("figures") for arm in document["arms"]):
        console.print(_figures(document["arms"]))
    overall = [v for v in document["verdicts"] if v["depth"] == _depth(document)]
    if overall:
        console.print()
        console.print(_verdicts(overall))
    if by_depth is None and any(len(arm.get("by_depth", ())) > 1 for arm in document["arms"]):
        by_depth = _by_depth(document)
    if by_depth is not None:
        console.print()
        console.print(by_depth)
    console.print()
    for line in (ended_line(document), *note_lines(document), f"kept in {folder}"):
        console.print(Text(line), soft_wrap=True)


def _depth(document: Row) -> str:
    """The range that the verdict over all is about."""
    return next((str(v["depth"]) for v in document["verdicts"]), "all")


def _grid(*columns: str) -> Table:
    grid = Table(box=box.SIMPLE_HEAD, show_edge=False, pad_edge=False, padding=(0, 1, 0, 0))
    for name in columns:
        left = name in _WORDS
        grid.add_column(
            name, justify="left" if left else "right", overflow="fold", no_wrap=not left
        )
    return grid


def _figures(arms: Sequence[Row]) -> Table:
    grid = _grid("arm", "TTFT s", "p95 s", "tok/s", "wait s", "cached", "n")
    for arm in arms:
        found = arm.get("figures")
        if found:
            cells = _cells(found)
            grid.add_row(Text(arm["name"]), *cells[:3], number(found["total_wait_s"]), *cells[3:])
    return grid


def _cells(found: Row) -> list[str]:
    return [
        number(found["ttft_p50_s"]),
        number(found["ttft_p95_s"]),
        number(found["decode_p50_tps"]),
        share(found["cached_share"]),
        str(found["turns"]),
    ]


def _verdicts(rows: Sequence[Row]) -> Table:
    """A row a metric; whose, only where several arms are held against the baseline."""
    several = len({row["arm"] for row in rows}) > 1
    confidence = min(row["confidence"] for row in rows)
    names = ("metric", "verdict", "speed-up", f"{100 * confidence:.3g}% interval", "could see")
    grid = _grid(*(("arm", *names) if several else names))
    grid.columns[names.index("verdict") + several].no_wrap = True
    for row in rows:
        verdict = Text(row["verdict"], style=_STYLES.get(row["verdict"], ""))
        figures = (times(row["ratio"]), interval(row), could_see(row))
        arm = (Text(row["arm"]),) if several else ()
        grid.add_row(*arm, metric_name(row["metric"]), verdict, *figures)
    return grid


def _by_depth(document: Row) -> Table:
    grid = _grid("depth", "arm", "TTFT s", "p95 s", "tok/s", "cached", "n", "verdict")
    for label, arm, found in _depth_rows(document["arms"]):
        verdict = Text(_depth_verdict(document["verdicts"], arm, label))
        grid.add_row(label, Text(arm), *_cells(found), verdict)
    return grid


def _depth_rows(arms: Sequence[Row]) -> Iterator[tuple[str, str, Row]]:
    labels = dict.fromkeys(row["bucket"] for arm in arms for row in arm.get("by_depth", ()))
    for label in labels:
        for arm in arms:
            for row in arm.get("by_depth", ()):
                if row["bucket"] == label:
                    yield label, arm["name"], row


def _depth_verdict(verdicts: Sequence[Row], arm: str, label: str) -> str:
    """What is said of an arm at one depth: of its TTFT, which depth changes most."""
    for row in verdicts:
        if (row["arm"], row["depth"], row["metric"]) == (arm, label, "ttft"):
            if row["verdict"] in _STYLES:
                return f"TTFT {times(row['ratio'])}"
            return "cannot tell"
    return ""
